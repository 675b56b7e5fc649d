package bench.streams;

import bench.streams.Event.Auction;
import bench.streams.Event.Bid;
import bench.streams.Event.Person;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Joined;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.SessionWindows;
import org.apache.kafka.streams.kstream.Suppressed;
import org.apache.kafka.streams.kstream.Suppressed.BufferConfig;
import org.apache.kafka.streams.kstream.TimeWindows;

/** The queries of the benchmark in the DSL of Kafka Streams, as far as it has a form for them: q4 bounds a join by fields of a row. */
final class NexmarkTopology {
  public record PlainBid(long auction, long bidder, long price, long dateTime, String extra) {
    static PlainBid of(Bid bid) {
      return new PlainBid(bid.auction(), bid.bidder(), bid.price(), bid.dateTime(), bid.extra());
    }
  }

  public record ConvertedBid(long auction, long bidder, BigDecimal price, long dateTime, String extra) {}

  public record Price(long auction, long price) {}

  public record LocalItem(String name, String city, String state, long id) {}

  public record Count(long auction, long num) {}

  public record HotItems(long num, List<Long> auctions) {
    HotItems with(Count count) {
      if (count.num > num) return new HotItems(count.num, List.of(count.auction));
      return count.num == num ? new HotItems(num, append(auctions, count.auction)) : this;
    }
  }

  public record Highest(long price, List<PlainBid> bids) {
    Highest with(PlainBid bid) {
      if (bid.price > price) return new Highest(bid.price, List.of(bid));
      return bid.price == price ? new Highest(price, append(bids, bid)) : this;
    }
  }

  public record NewSeller(long id, String name, long stime) {}

  public record Session(long bidder, long bid_count, long starttime, long endtime) {}

  public record BidWithAuction(
      long auction, long bidder, long price, String channel, String url, long bid_dateTime, String bid_extra, String itemName,
      String description, long initialBid, long reserve, long auction_dateTime, long expires, long seller, long category,
      String auction_extra) {}

  private static final Duration TEN_SECONDS = Duration.ofSeconds(10);
  private static final Duration LATENESS = Duration.ofSeconds(4);
  private static final Set<String> LOCAL_STATES = Set.of("OR", "ID", "CA");
  private static final long CATEGORY = 10;
  private static final Serde<Long> LONG = Serdes.Long();
  private static final Serde<String> STRING = Serdes.String();
  private static final Serde<Bid> BID = JsonSerde.of(Bid.class);
  private static final Serde<Person> PERSON = JsonSerde.of(Person.class);
  private static final Serde<Auction> AUCTION = JsonSerde.of(Auction.class);

  private final StreamsBuilder builder = new StreamsBuilder();
  private final String output;
  private final KStream<byte[], Event> events;

  static Topology of(String query, String input, String output) {
    return new NexmarkTopology(input, output).build(query);
  }

  private NexmarkTopology(String input, String output) {
    this.output = output;
    this.events = builder.stream(input, Consumed.with(Serdes.ByteArray(), JsonSerde.of(Event.class)));
  }

  private Topology build(String query) {
    switch (query) {
      case "q0" -> write(Serdes.ByteArray(), PlainBid.class, bids().mapValues(PlainBid::of));
      case "q1" -> write(Serdes.ByteArray(), ConvertedBid.class, bids().mapValues(NexmarkTopology::converted));
      case "q2" -> write(Serdes.ByteArray(), Price.class,
          bids().filter((key, bid) -> bid.auction() % 123 == 0).mapValues(bid -> new Price(bid.auction(), bid.price())));
      case "q3" -> localItems();
      case "q5" -> hotItems();
      case "q7" -> highestBids();
      case "q8" -> newSellers();
      case "q11" -> sessions();
      case "q18" -> latestBids();
      case "q20" -> bidsWithAuction();
      default -> throw new IllegalArgumentException("There is no query " + query);
    }
    return builder.build();
  }

  private static ConvertedBid converted(Bid bid) {
    BigDecimal price = BigDecimal.valueOf(908 * bid.price(), 3);
    return new ConvertedBid(bid.auction(), bid.bidder(), price, bid.dateTime(), bid.extra());
  }

  /** A join of two tables by a foreign key. */
  private void localItems() {
    KTable<Long, Person> persons = persons()
        .filter((key, person) -> LOCAL_STATES.contains(person.state()))
        .selectKey((key, person) -> person.id())
        .toTable(Materialized.with(LONG, PERSON));
    KTable<Long, LocalItem> items = itemsOfCategory().join(
        persons,
        Auction::seller,
        (auction, person) -> new LocalItem(person.name(), person.city(), person.state(), auction.id()),
        Materialized.with(LONG, JsonSerde.of(LocalItem.class)));
    write(LONG, LocalItem.class, items.toStream());
  }

  /** The last record of a window's start has its hot items. */
  private void hotItems() {
    KStream<Long, Count> counts = bids()
        .map((key, bid) -> KeyValue.pair(bid.auction(), bid.bidder()))
        .groupByKey(Grouped.with(LONG, LONG))
        .windowedBy(TimeWindows.ofSizeAndGrace(TEN_SECONDS, LATENESS).advanceBy(Duration.ofSeconds(2)))
        .count(Materialized.with(LONG, LONG))
        .suppress(Suppressed.untilWindowCloses(BufferConfig.unbounded()))
        .toStream()
        .map((window, count) -> KeyValue.pair(window.window().start(), new Count(window.key(), count)));
    KTable<Long, HotItems> hot = counts
        .groupByKey(Grouped.with(LONG, JsonSerde.of(Count.class)))
        .aggregate(
            () -> new HotItems(0, List.of()),
            (start, count, most) -> most.with(count),
            Materialized.with(LONG, JsonSerde.of(HotItems.class)));
    write(LONG, HotItems.class, hot.toStream());
  }

  /** One key, hence one task. */
  private void highestBids() {
    KStream<Long, PlainBid> highest = bids()
        .map((key, bid) -> KeyValue.pair(0L, PlainBid.of(bid)))
        .groupByKey(Grouped.with(LONG, JsonSerde.of(PlainBid.class)))
        .windowedBy(TimeWindows.ofSizeAndGrace(TEN_SECONDS, LATENESS))
        .aggregate(
            () -> new Highest(-1, List.of()),
            (key, bid, held) -> held.with(bid),
            Materialized.with(LONG, JsonSerde.of(Highest.class)))
        .suppress(Suppressed.untilWindowCloses(BufferConfig.unbounded()))
        .toStream()
        .flatMap((window, held) ->
            held.bids().stream().map(bid -> KeyValue.pair(window.window().start(), bid)).toList());
    write(LONG, PlainBid.class, highest);
  }

  /** Two tables by person and window, joined: a further auction of the window gives the row again. */
  private void newSellers() {
    KTable<String, Person> joined = persons()
        .selectKey((key, person) -> person.id() + "/" + windowOf(person.dateTime()))
        .toTable(Materialized.with(STRING, PERSON));
    KTable<String, Long> selling = auctions()
        .map((key, auction) -> KeyValue.pair(auction.seller() + "/" + windowOf(auction.dateTime()), auction.seller()))
        .toTable(Materialized.with(STRING, LONG));
    KTable<String, NewSeller> both = joined.join(
        selling, (person, seller) -> new NewSeller(person.id(), person.name(), windowOf(person.dateTime())));
    write(STRING, NewSeller.class, both.toStream());
  }

  private void sessions() {
    KStream<Long, Session> sessions = bids()
        .map((key, bid) -> KeyValue.pair(bid.bidder(), bid.auction()))
        .groupByKey(Grouped.with(LONG, LONG))
        .windowedBy(SessionWindows.ofInactivityGapAndGrace(TEN_SECONDS, LATENESS))
        .count(Materialized.with(LONG, LONG))
        .suppress(Suppressed.untilWindowCloses(BufferConfig.unbounded()))
        .toStream()
        .filter((window, count) -> count != null)
        .map((window, count) -> KeyValue.pair(window.key(), new Session(
            window.key(), count, window.window().start(), window.window().end() + TEN_SECONDS.toMillis())));
    write(LONG, Session.class, sessions);
  }

  private void latestBids() {
    KTable<String, Bid> latest = bids()
        .map((key, bid) -> KeyValue.pair(bid.bidder() + "/" + bid.auction(), bid))
        .groupByKey(Grouped.with(STRING, BID))
        .reduce((before, bid) -> bid.dateTime() >= before.dateTime() ? bid : before, Materialized.with(STRING, BID));
    write(STRING, Bid.class, latest.toStream());
  }

  /** A stream with a table: a bid that is read before its auction is not joined. */
  private void bidsWithAuction() {
    KStream<Long, BidWithAuction> joined = bids()
        .selectKey((key, bid) -> bid.auction())
        .join(
            itemsOfCategory(),
            (bid, auction) -> new BidWithAuction(
                bid.auction(), bid.bidder(), bid.price(), bid.channel(), bid.url(), bid.dateTime(), bid.extra(),
                auction.itemName(), auction.description(), auction.initialBid(), auction.reserve(), auction.dateTime(),
                auction.expires(), auction.seller(), auction.category(), auction.extra()),
            Joined.with(LONG, BID, AUCTION));
    write(LONG, BidWithAuction.class, joined);
  }

  private KStream<byte[], Bid> bids() {
    return events.filter((key, event) -> event.type() == 2).mapValues(Event::bid);
  }

  private KStream<byte[], Auction> auctions() {
    return events.filter((key, event) -> event.type() == 1).mapValues(Event::auction);
  }

  private KStream<byte[], Person> persons() {
    return events.filter((key, event) -> event.type() == 0).mapValues(Event::person);
  }

  private KTable<Long, Auction> itemsOfCategory() {
    return auctions()
        .filter((key, auction) -> auction.category() == CATEGORY)
        .selectKey((key, auction) -> auction.id())
        .toTable(Materialized.with(LONG, AUCTION));
  }

  private <K, V> void write(Serde<K> key, Class<V> type, KStream<K, V> rows) {
    rows.to(output, Produced.with(key, JsonSerde.of(type)));
  }

  private static long windowOf(long time) {
    long size = TEN_SECONDS.toMillis();
    return Math.floorDiv(time, size) * size;
  }

  private static <T> List<T> append(List<T> list, T value) {
    List<T> longer = new ArrayList<>(list);
    longer.add(value);
    return longer;
  }
}
