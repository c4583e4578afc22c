// Exports a counter, an up-down counter, a gauge and two histograms through OpenTelemetry's SDK, as a service would:
//
//	otel-sender <endpoint URL> <seconds>
//
// What it counts is the same in each run, so that whoever receives it knows the values in the end.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
)

// How often it is exported, which is also how often it counts.
const interval = 500 * time.Millisecond

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "otel-sender:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 3 {
		return fmt.Errorf("usage: otel-sender <endpoint URL> <seconds>")
	}
	seconds, err := strconv.Atoi(os.Args[2])
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(seconds)*time.Second+30*time.Second)
	defer cancel()
	exporter, err := otlpmetrichttp.New(ctx,
		otlpmetrichttp.WithEndpointURL(os.Args[1]),
		otlpmetrichttp.WithCompression(otlpmetrichttp.GzipCompression),
	)
	if err != nil {
		return err
	}
	provider := sdk.NewMeterProvider(
		sdk.WithReader(sdk.NewPeriodicReader(exporter, sdk.WithInterval(interval))),
		sdk.WithResource(resource.NewSchemaless(
			attribute.String("service.namespace", "shop"),
			attribute.String("service.name", "checkout"),
			attribute.String("service.instance.id", "checkout-0"),
			attribute.String("k8s.namespace.name", "shop"),
			attribute.String("service.version", "1.2.3"),
		)),
		// One of the histograms is exponential, the other has buckets of its own.
		sdk.WithView(sdk.NewView(
			sdk.Instrument{Name: "queue.wait"},
			sdk.Stream{Aggregation: sdk.AggregationBase2ExponentialHistogram{MaxSize: 160, MaxScale: 20}},
		)),
	)
	if err := count(ctx, provider.Meter("headroom.dev/peers/otel"), seconds); err != nil {
		return err
	}
	// Exports what has been counted last.
	return provider.Shutdown(ctx)
}

func count(ctx context.Context, meter metric.Meter, seconds int) error {
	requests, err := meter.Int64Counter("http.server.requests", metric.WithUnit("{request}"),
		metric.WithDescription("Requests that were answered."))
	if err != nil {
		return err
	}
	active, err := meter.Int64UpDownCounter("http.server.active_requests", metric.WithUnit("{request}"))
	if err != nil {
		return err
	}
	busy, err := meter.Float64Gauge("worker.utilization", metric.WithUnit("1"))
	if err != nil {
		return err
	}
	duration, err := meter.Float64Histogram("http.server.request.duration", metric.WithUnit("s"),
		metric.WithExplicitBucketBoundaries(0.1, 0.5, 1, 2.5))
	if err != nil {
		return err
	}
	wait, err := meter.Float64Histogram("queue.wait", metric.WithUnit("ms"))
	if err != nil {
		return err
	}
	route := metric.WithAttributes(attribute.String("http.route", "/cart"), attribute.Int("http.response.status_code", 200))
	for tick := range 2 * seconds {
		requests.Add(ctx, 10, route)
		// Up by three, down by two.
		active.Add(ctx, 3, route)
		active.Add(ctx, -2, route)
		busy.Record(ctx, 0.25+float64(tick%2)/2, route)
		for _, took := range []float64{0.05, 0.3, 0.3, 2, 9} {
			duration.Record(ctx, took, route)
		}
		wait.Record(ctx, 1.5, route)
		time.Sleep(interval)
	}
	return nil
}
