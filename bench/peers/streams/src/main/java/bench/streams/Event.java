package bench.streams;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;

/** An event as it is in the topic: an envelope with one of three in it. */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Event(@JsonProperty("event_type") int type, Person person, Auction auction, Bid bid) {
  public record Person(
      long id, String name, String emailAddress, String creditCard, String city, String state, long dateTime, String extra) {}

  public record Auction(
      long id, String itemName, String description, long initialBid, long reserve, long dateTime, long expires, long seller,
      long category, String extra) {}

  public record Bid(long auction, long bidder, long price, String channel, String url, long dateTime, String extra) {}

  long time() {
    return type == 0 ? person.dateTime : type == 1 ? auction.dateTime : bid.dateTime;
  }
}
