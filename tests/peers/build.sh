#!/usr/bin/env bash
# Builds the real programs that the tests talk to, once, into a cache that `cargo clean` empties.
#
#   tests/peers/build.sh              all of them
#   tests/peers/build.sh kwok etcd    some of them
#
# Each tool is a folder here with a go.mod that pins its version and a go.sum that pins every byte.
# It lands in target/peers/<tool>-<version>/, and target/peers/bin/ links to the programs; the tests
# look there and nowhere else. README.md beside this file tells more.
#
#   CARGO_TARGET_DIR            moves target/
#   HEADROOM_PEERS_DIR          moves target/peers/ alone
#   HEADROOM_PEERS=required     a peer that can't be had is a failure (exit code 1)
#   HEADROOM_PEERS_TIMEOUT=25m  the longest one build may take
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
# A relative target folder is cargo's: relative to where we were called.
cache=${HEADROOM_PEERS_DIR:-${CARGO_TARGET_DIR:-$root/target}/peers}
limit=${HEADROOM_PEERS_TIMEOUT:-25m}
required=${HEADROOM_PEERS:-}
all=(etcd kwok otel alertmanager victoriametrics prometheus kubernetes)

say() { printf 'peers: %s\n' "$*"; }

# Sets what is particular to a tool: its module, its main packages (program=package), the tags, the
# flags that stamp the version, the Debian package that can stand in, and what to expect of a build.
describe() {
  tags='' stamp='' debian=''
  case $1 in
    etcd)
      module=go.etcd.io/etcd/server/v3 expected='about 1 min'
      programs=(etcd=go.etcd.io/etcd/server/v3)
      debian=etcd-server
      ;;
    alertmanager)
      module=github.com/prometheus/alertmanager expected='about 2 min'
      programs=(
        alertmanager=github.com/prometheus/alertmanager/cmd/alertmanager
        amtool=github.com/prometheus/alertmanager/cmd/amtool
      )
      tags='netgo'
      stamp='-X github.com/prometheus/common/version.Version=%s'
      debian=prometheus-alertmanager
      ;;
    kwok)
      module=sigs.k8s.io/kwok expected='about 2 min'
      programs=(kwok=sigs.k8s.io/kwok/cmd/kwok)
      stamp='-X sigs.k8s.io/kwok/pkg/consts.Version=v%s'
      ;;
    prometheus)
      module=github.com/prometheus/prometheus expected='about 3 min'
      programs=(
        prometheus=github.com/prometheus/prometheus/cmd/prometheus
        promtool=github.com/prometheus/prometheus/cmd/promtool
      )
      # Without the cloud SDKs of service discovery; without `builtinassets` the page is absent and
      # the API complete.
      tags='netgo,remove_all_sd,enable_kubernetes_sd'
      stamp='-X github.com/prometheus/common/version.Version=%s'
      debian=prometheus
      ;;
    victoriametrics)
      module=github.com/VictoriaMetrics/VictoriaMetrics expected='about 1 min'
      programs=(
        victoria-metrics=github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics
        vmagent=github.com/VictoriaMetrics/VictoriaMetrics/app/vmagent
      )
      stamp='-X github.com/VictoriaMetrics/VictoriaMetrics/lib/buildinfo.Version=victoria-metrics-v%s'
      ;;
    otel)
      # A program of ours, which is of the version of the SDK that it is built with.
      module=go.opentelemetry.io/otel/sdk/metric expected='about 1 min'
      programs=(otel-sender=headroom.dev/tests/peers/otel)
      ;;
    kubernetes)
      module=k8s.io/kubernetes expected='about 6 min'
      programs=(
        kube-apiserver=k8s.io/kubernetes/cmd/kube-apiserver
        kube-controller-manager=k8s.io/kubernetes/cmd/kube-controller-manager
      )
      stamp='-X k8s.io/component-base/version.gitVersion=v%s'
      ;;
    *)
      say "there is no tool \"$1\"; known: ${all[*]}" >&2
      exit 2
      ;;
  esac
  version=$(awk -v module="$module" '{ sub(/^require /, "") } $1 == module && $2 ~ /^v/ { print $2 }' "$here/$1/go.mod")
  version=${version#v}
  # Prometheus 3.14.0 is published as the module version v0.314.0.
  if [[ $1 == prometheus && $version =~ ^0\.([0-9])([0-9]+)\.([0-9]+)$ ]]; then
    version="${BASH_REMATCH[1]}.$((10#${BASH_REMATCH[2]})).${BASH_REMATCH[3]}"
  fi
  # shellcheck disable=SC2059  # the format is ours, from the lines above
  stamp=$(printf -- "$stamp" "$version")
}

# What a finished build was made from: any change of it makes another build.
key() {
  { cat "$here/$1/go.mod" "$here/$1/go.sum" "$here/$1"/*.go 2>/dev/null; echo "$tags $stamp ${programs[*]}"; } | sha256sum | cut -d' ' -f1
}

# Points bin/<program> at a program, so that there is no moment without one.
link() {
  ln -sfn "$2" "$cache/bin/.$1.$$" && mv -fT "$cache/bin/.$1.$$" "$cache/bin/$1"
}

# Says how far a build is, until killed: every second on a terminal, every half minute in a log.
progress() {
  local label=$1 log=$2 started=$SECONDS every=30
  [[ -t 1 ]] && every=1
  while sleep "$every"; do
    local text
    text="$label … $(grep -c '^[a-z]' "$log") packages compiled, $((SECONDS - started)) s"
    if [[ -t 1 ]]; then printf '\rpeers: %s ' "$text"; else say "$text"; fi
  done
}

# Builds tool `$1` from its module into `$2`; the log of the Go toolchain goes to `$3`.
compile() {
  local tool=$1 into=$2 log=$3 entry packages=()
  for entry in "${programs[@]}"; do packages+=("${entry#*=}"); done
  # In the background, so that a signal to us ends it too; `exec`, so that its id is the build's.
  (
    cd "$here/$tool" || exit 1
    # A static program with nothing of this machine in it. `-v` names each package as it is compiled.
    export CGO_ENABLED=0 GOWORK=off GOFLAGS=
    exec timeout "$limit" nice go build -v -mod=readonly -buildvcs=false -trimpath \
      -tags "$tags" -ldflags "-s -w $stamp" -o "$into/" "${packages[@]}"
  ) >"$log" 2>&1 9>&- &
  building=$!
  wait "$building" || return
  building=''
  # Go names a program after the last element of its path that is not a major version.
  for entry in "${programs[@]}"; do
    local name=${entry%%=*} path=${entry#*=} built
    built=$(basename "${path%/v[0-9]*}")
    [[ $built == "$name" ]] || mv "$into/$built" "$into/$name" || return 1
  done
}

# Unpacks Debian's package of a tool into the cache: nothing is installed, no service is started.
from_debian() {
  local tool=$1 into="$cache/$1-debian" work="$cache/.debian-$1.$$" entry program
  [[ -n $debian ]] && command -v apt-get dpkg-deb >/dev/null || return 1
  if [[ ! -d $into ]]; then
    mkdir -p "$work"
    if ! (cd "$work" && timeout 2m apt-get download -qq "$debian") >"$work/log" 2>&1; then
      # The package lists may be missing; only root may fetch them.
      [[ $(id -u) != 0 ]] || timeout 3m apt-get update -qq >>"$work/log" 2>&1
      (cd "$work" && timeout 2m apt-get download -qq "$debian") >>"$work/log" 2>&1
    fi
    dpkg-deb -x "$work"/*.deb "$work/root" >>"$work/log" 2>&1 && mv "$work/root" "$into"
    rm -rf "$work"
  fi
  for entry in "${programs[@]}"; do
    program=${entry%%=*}
    [[ -x $into/usr/bin/$program ]] || return 1
    link "$program" "../$tool-debian/usr/bin/$program"
  done
  say "$tool: Debian's package $debian $(dpkg_version "$into"), for want of a build of $version"
}

# The version of an unpacked Debian package, from its changelog.
dpkg_version() {
  zcat "$1"/usr/share/doc/*/changelog.Debian.gz 2>/dev/null | sed -n '1s/.*(\(.*\)).*/\1/p'
}

# Gets one tool: from the cache, else built, else from Debian. Fails where none of them can be.
obtain() {
  local tool=$1 started=$SECONDS entry program names want
  describe "$tool"
  names=$(printf ' %s' "${programs[@]%%=*}")
  local target="$cache/$tool-$version" work="$cache/.build-$tool.$$" log="$cache/$tool-$version.log"
  want=$(key "$tool")

  if [[ $(cat "$target/key" 2>/dev/null) != "$want" ]]; then
    if ! command -v go >/dev/null; then
      from_debian "$tool" && return
      say "$tool: can't be had:$names (no Go toolchain on the path)"
      return 1
    fi
    local label="building$names $version (once, $expected)"
    say "$label …"
    mkdir -p "$work"
    progress "$label" "$log" 9>&- &
    ticker=$!
    compile "$tool" "$work" "$log"
    local outcome=$?
    kill "$ticker" 2>/dev/null
    wait "$ticker" 2>/dev/null
    ticker=''
    [[ -t 1 ]] && printf '\n'
    if [[ $outcome != 0 ]]; then
      rm -rf "$work"
      if [[ $outcome == 124 ]]; then
        say "$tool: the build took longer than $limit (HEADROOM_PEERS_TIMEOUT)"
      else
        say "$tool: the build failed after $((SECONDS - started)) s; its log ends:"
        # Without the names of packages that were compiled.
        grep -v '^[A-Za-z0-9./_~-]*$' "$log" | tail -n 15
      fi
      from_debian "$tool" && return
      say "$tool: can't be had:$names"
      return 1
    fi
    echo "$want" >"$work/key"
    rm -rf "$target" && mv "$work" "$target"
    say "$tool $version: built$names in $((SECONDS - started)) s"
  else
    say "$tool $version: ready"
  fi
  for entry in "${programs[@]}"; do
    program=${entry%%=*}
    link "$program" "../$tool-$version/$program"
  done
}

building='' ticker=''
# shellcheck disable=SC2317  # called by the trap
stop() {
  for id in $building $ticker; do kill "$id" 2>/dev/null; done
  exit 130
}
trap stop INT TERM HUP

mkdir -p "$cache/bin"
cache=$(cd "$cache" && pwd)
tools=("$@")
[[ $# -gt 0 ]] || tools=("${all[@]}")
for tool in "${tools[@]}"; do describe "$tool"; done

# Two builds of one cache at a time would only do the work twice.
if command -v flock >/dev/null; then
  exec 9>"$cache/.lock"
  flock -n 9 || { say "waiting for another build of $cache"; flock 9; }
fi
# What a killed build left behind.
rm -rf "$cache"/.build-* "$cache"/.debian-*

missing=()
for tool in "${tools[@]}"; do
  obtain "$tool" || missing+=("$tool")
done
if [[ ${#missing[@]} -gt 0 ]]; then
  if [[ $required == required ]]; then
    say "missing, and HEADROOM_PEERS=required: ${missing[*]}"
    exit 1
  fi
  say "missing: ${missing[*]}; the tests that need them will say so and pass"
fi
