import { describe, expect, it } from 'vitest'
import type { KafkaSettings } from '../../src/kafka/options.ts'
import { kafkaProperties, propertiesText } from '../../src/kafka/options.ts'

const settings: KafkaSettings = {
  ports: { client: 1, controller: 2, internal: 3 },
  bind: '0.0.0.0',
  host: 'here',
  dataFolder: '/data',
}

describe('kafkaProperties', () => {
  it('advertises the host that clients use and keeps the other listeners to the machine', () => {
    const properties = kafkaProperties(settings)
    expect(properties.get('listeners')).toBe('CLIENT://0.0.0.0:1,INTERNAL://127.0.0.1:3,CONTROLLER://127.0.0.1:2')
    expect(properties.get('advertised.listeners')).toBe('CLIENT://here:1,INTERNAL://127.0.0.1:3')
    expect(properties.get('listener.security.protocol.map')).toContain('CLIENT:PLAINTEXT,')
  })

  it('takes the protocol from sasl and tls', () => {
    const sasl = { username: 'a', password: 'b' }
    const protocol = (more: Partial<KafkaSettings>) =>
      kafkaProperties({ ...settings, ...more })
        .get('listener.security.protocol.map')
        ?.split(',')[0]
    expect(protocol({ sasl })).toBe('CLIENT:SASL_PLAINTEXT')
    expect(protocol({ tls: true })).toBe('CLIENT:SSL')
    expect(protocol({ sasl, tls: true })).toBe('CLIENT:SASL_SSL')
  })

  it('lets the given properties win', () => {
    const properties = kafkaProperties({ ...settings, properties: { 'num.io.threads': 9, 'my.own': true } })
    expect([properties.get('num.io.threads'), properties.get('my.own')]).toEqual(['9', 'true'])
  })

  it('quotes the password of the login module', () => {
    const sasl = { username: 'a', password: 'p"\\' }
    const jaas = kafkaProperties({ ...settings, sasl }).get('listener.name.client.plain.sasl.jaas.config')
    expect(jaas).toMatch(/ user_a="p\\"\\\\";$/)
  })

  it('refuses users and passwords that the login module cannot take', () => {
    const refused = (username: string, password: string) => () =>
      kafkaProperties({ ...settings, sasl: { username, password } })
    expect(refused('a b', 'x')).toThrow('sasl.username')
    expect(refused('a', 'x\ny')).toThrow('sasl.password')
  })
})

describe('propertiesText', () => {
  it('escapes as Java reads it', () => {
    const text = propertiesText(
      new Map([
        ['a b', ' c\\d\n'],
        ['k', 'é'],
      ]),
    )
    expect(text).toBe('a\\ b=\\ c\\\\d\\n\nk=\\u00e9\n')
  })
})
