package bench.flink;

import java.util.List;
import java.util.Properties;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.Metric;
import org.apache.flink.metrics.MetricConfig;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.metrics.reporter.MetricReporter;
import org.apache.flink.metrics.reporter.MetricReporterFactory;

/** Notes when a source has read its first record. It is told of the sources' counters as a metric reporter is. */
public final class FirstRecord implements MetricReporter {
  private static final List<Counter> READ = new CopyOnWriteArrayList<>();
  private static final long POLL_MS = 2;
  private static volatile long nanos;

  public static final class Factory implements MetricReporterFactory {
    @Override
    public MetricReporter createMetricReporter(Properties properties) {
      return new FirstRecord();
    }
  }

  static void watch() {
    Thread thread = new Thread(FirstRecord::poll, "first-record");
    thread.setDaemon(true);
    thread.start();
  }

  static long nanos() {
    return nanos;
  }

  private static void poll() {
    try {
      while (READ.stream().noneMatch(counter -> counter.getCount() > 0)) Thread.sleep(POLL_MS);
      nanos = System.nanoTime();
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void notifyOfAddedMetric(Metric metric, String name, MetricGroup group) {
    if (metric instanceof Counter counter && name.equals("numRecordsIn") && group.getMetricIdentifier(name).contains("Source")) {
      READ.add(counter);
    }
  }

  @Override
  public void notifyOfRemovedMetric(Metric metric, String name, MetricGroup group) {}

  @Override
  public void open(MetricConfig config) {}

  @Override
  public void close() {}
}
