package bench.flink;

import java.util.List;
import java.util.Map;

/** The queries of the benchmark in Flink's SQL, and the tables that they read. */
final class NexmarkSql {
  /** A query with the columns of its result; where `key` is set, a row replaces the one before with the same key. */
  record Query(String columns, String key, String select) {
    Query(String columns, String select) {
      this(columns, null, select);
    }
  }

  /** The events as they are in the topic: an envelope with one of three rows in it. %s: seconds that an event may be late. */
  static final String EVENT_COLUMNS = """
      event_type INT,
      person ROW<id BIGINT, name STRING, emailAddress STRING, creditCard STRING, city STRING, state STRING,
        `dateTime` BIGINT, extra STRING>,
      auction ROW<id BIGINT, itemName STRING, description STRING, initialBid BIGINT, reserve BIGINT,
        `dateTime` BIGINT, expires BIGINT, seller BIGINT, category BIGINT, extra STRING>,
      bid ROW<auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, `dateTime` BIGINT, extra STRING>,
      `dateTime` AS CAST(TO_TIMESTAMP_LTZ(
        CASE event_type WHEN 0 THEN person.`dateTime` WHEN 1 THEN auction.`dateTime` ELSE bid.`dateTime` END, 3)
        AS TIMESTAMP(3)),
      WATERMARK FOR `dateTime` AS `dateTime` - INTERVAL '%s' SECOND""";

  static final List<String> VIEWS = List.of(
      """
      CREATE TEMPORARY VIEW person AS
      SELECT person.id, person.name, person.city, person.state, `dateTime`
      FROM events WHERE event_type = 0""",
      """
      CREATE TEMPORARY VIEW auction AS
      SELECT auction.id, auction.itemName, auction.description, auction.initialBid, auction.reserve, `dateTime`,
        CAST(TO_TIMESTAMP_LTZ(auction.expires, 3) AS TIMESTAMP(3)) AS expires, auction.seller, auction.category, auction.extra
      FROM events WHERE event_type = 1""",
      """
      CREATE TEMPORARY VIEW bid AS
      SELECT bid.auction, bid.bidder, bid.price, bid.channel, bid.url, `dateTime`, bid.extra
      FROM events WHERE event_type = 2""");

  private static final String BID = "auction BIGINT, bidder BIGINT, price BIGINT, `dateTime` TIMESTAMP(3), extra STRING";
  private static final String WHOLE_BID =
      "auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, `dateTime` TIMESTAMP(3), extra STRING";

  static final Map<String, Query> QUERIES = Map.ofEntries(
      Map.entry("q0", new Query(BID, "SELECT auction, bidder, price, `dateTime`, extra FROM bid")),
      Map.entry("q1", new Query(
          "auction BIGINT, bidder BIGINT, price DECIMAL(23, 3), `dateTime` TIMESTAMP(3), extra STRING",
          "SELECT auction, bidder, 0.908 * price AS price, `dateTime`, extra FROM bid")),
      Map.entry("q2", new Query("auction BIGINT, price BIGINT", "SELECT auction, price FROM bid WHERE MOD(auction, 123) = 0")),
      Map.entry("q3", new Query("name STRING, city STRING, state STRING, id BIGINT", """
          SELECT p.name, p.city, p.state, a.id
          FROM auction AS a
          JOIN person AS p ON a.seller = p.id
          WHERE a.category = 10 AND p.state IN ('OR', 'ID', 'CA')""")),
      Map.entry("q4", new Query("id BIGINT, final BIGINT", "id", """
          SELECT category AS id, AVG(price) AS final
          FROM (
            SELECT a.id, a.category, MAX(b.price) AS price
            FROM auction AS a
            JOIN bid AS b ON a.id = b.auction AND b.`dateTime` BETWEEN a.`dateTime` AND a.expires
            GROUP BY a.id, a.category
          )
          GROUP BY category""")),
      Map.entry("q5", new Query("auction BIGINT, num BIGINT", """
          WITH counted AS (
            SELECT window_start, window_end, auction, COUNT(*) AS num
            FROM TABLE(HOP(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
            GROUP BY window_start, window_end, auction
          ), most AS (
            SELECT window_start, window_end, MAX(num) AS num
            FROM counted
            GROUP BY window_start, window_end
          )
          SELECT c.auction, c.num
          FROM counted AS c
          JOIN most AS m ON c.window_start = m.window_start AND c.window_end = m.window_end AND c.num >= m.num""")),
      Map.entry("q7", new Query(BID, """
          WITH highest AS (
            SELECT window_start, window_end, MAX(price) AS price
            FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND))
            GROUP BY window_start, window_end
          )
          SELECT b.auction, b.bidder, b.price, b.`dateTime`, b.extra
          FROM bid AS b
          JOIN highest AS h ON b.price = h.price
          WHERE b.`dateTime` BETWEEN h.window_end - INTERVAL '10' SECOND AND h.window_end""")),
      Map.entry("q8", new Query("id BIGINT, name STRING, stime TIMESTAMP(3)", """
          WITH joined AS (
            SELECT window_start, window_end, id, name
            FROM TABLE(TUMBLE(TABLE person, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND))
            GROUP BY window_start, window_end, id, name
          ), selling AS (
            SELECT window_start, window_end, seller
            FROM TABLE(TUMBLE(TABLE auction, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND))
            GROUP BY window_start, window_end, seller
          )
          SELECT j.id, j.name, j.window_start AS stime
          FROM joined AS j
          JOIN selling AS s ON j.id = s.seller AND j.window_start = s.window_start AND j.window_end = s.window_end""")),
      Map.entry("q11", new Query("bidder BIGINT, bid_count BIGINT, starttime TIMESTAMP(3), endtime TIMESTAMP(3)", """
          SELECT bidder, COUNT(*) AS bid_count,
            SESSION_START(`dateTime`, INTERVAL '10' SECOND) AS starttime,
            SESSION_END(`dateTime`, INTERVAL '10' SECOND) AS endtime
          FROM bid
          GROUP BY bidder, SESSION(`dateTime`, INTERVAL '10' SECOND)""")),
      Map.entry("q18", new Query(WHOLE_BID, "bidder, auction", """
          SELECT auction, bidder, price, channel, url, `dateTime`, extra
          FROM (
            SELECT *, ROW_NUMBER() OVER (PARTITION BY bidder, auction ORDER BY `dateTime` DESC) AS place FROM bid
          )
          WHERE place = 1""")),
      Map.entry("q20", new Query(
          "auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, bid_dateTime TIMESTAMP(3), bid_extra STRING,"
              + " itemName STRING, description STRING, initialBid BIGINT, reserve BIGINT, auction_dateTime TIMESTAMP(3),"
              + " expires TIMESTAMP(3), seller BIGINT, category BIGINT, auction_extra STRING",
          """
          SELECT b.auction, b.bidder, b.price, b.channel, b.url, b.`dateTime` AS bid_dateTime, b.extra AS bid_extra,
            a.itemName, a.description, a.initialBid, a.reserve, a.`dateTime` AS auction_dateTime, a.expires, a.seller,
            a.category, a.extra AS auction_extra
          FROM bid AS b
          JOIN auction AS a ON b.auction = a.id
          WHERE a.category = 10""")));

  private NexmarkSql() {}
}
