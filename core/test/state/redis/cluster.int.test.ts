import { RedisCluster } from '@millrace/testcontainers'
import { Cluster } from 'ioredis'
import { afterAll, expect, it } from 'vitest'
import { stateBackendContract } from '../../contract/state-backend.contract.ts'
import { connected, redisUnderTest } from './redis-under-test.ts'

const cluster = await RedisCluster.start({ appendfsync: 'no' })
afterAll(() => cluster.stop())

stateBackendContract(
  'redis cluster',
  async () => redisUnderTest({ cluster: cluster.addresses }, new Cluster(cluster.addresses)),
  { runs: 20 },
)

it('waits for a node of the cluster that goes away and comes back', async () => {
  const backend = await connected({ cluster: cluster.addresses })
  const stores = Array.from({ length: 6 }, (_, index) => backend.task({ job: 'restarts', region: 'r', index }))
  for (const store of stores) {
    await store.acquire()
    const change = { state: 's', keyGroup: 0, key: Buffer.from('k'), sub: null, value: Buffer.from('v') }
    await store.stage({ epoch: 1, meta: Buffer.from(''), changes: [change] })
  }
  for (const node of cluster.nodes) {
    await node.kill()
    const applying = Promise.all(stores.map((store) => store.apply(1)))
    await node.restart()
    await applying
  }
  for (const store of stores) expect((await store.acquire()).applied?.epoch).toBe(1)
  await backend.clear('restarts')
  for (const store of stores) expect((await store.acquire()).applied).toBeNull()
  await backend.close()
})
