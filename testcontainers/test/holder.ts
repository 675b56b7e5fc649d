// A process that starts servers, says so, and waits to be killed.
import { KafkaServer, RedisServer } from '../src/index.ts'

const [redis, kafka] = await Promise.all([
  RedisServer.start({ provider: 'native' }),
  KafkaServer.start({ provider: 'native' }),
])
console.log(JSON.stringify([redis.port, Number(kafka.brokers[0]?.split(':')[1])]))
setInterval(() => {}, 60_000)
