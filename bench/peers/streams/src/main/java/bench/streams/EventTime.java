package bench.streams;

import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.streams.processor.TimestampExtractor;

/** Takes the time from the event, and notes when the first one is read. */
public final class EventTime implements TimestampExtractor {
  private static volatile long firstNanos;

  static long firstNanos() {
    return firstNanos;
  }

  @Override
  public long extract(ConsumerRecord<Object, Object> record, long partitionTime) {
    // The records of the application's own topics carry the time of their event.
    if (!(record.value() instanceof Event event)) return record.timestamp();
    if (firstNanos == 0) firstNanos = System.nanoTime();
    return event.time();
  }
}
