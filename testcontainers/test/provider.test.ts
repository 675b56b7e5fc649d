import { describe, expect, it } from 'vitest'
import { chooseProvider, dockerAnswers } from '../src/provider.ts'

const variable = 'MILLRACE_REDIS_URL'
const address = { [variable]: 'redis://somewhere' }
const docker = async () => true
const noDocker = async () => false

describe('chooseProvider', () => {
  it('takes the environment before Docker and Docker before a native process', async () => {
    expect(await chooseProvider({ variable, env: address, hasDocker: docker })).toBe('environment')
    expect(await chooseProvider({ variable, env: {}, hasDocker: docker })).toBe('docker')
    expect(await chooseProvider({ variable, env: {}, hasDocker: noDocker })).toBe('native')
  })

  it('lets MILLRACE_PROVIDER override the order and the caller override both', async () => {
    const env = { ...address, MILLRACE_PROVIDER: 'native' }
    expect(await chooseProvider({ variable, env, hasDocker: docker })).toBe('native')
    expect(await chooseProvider({ variable, env, hasDocker: docker, wanted: 'docker' })).toBe('docker')
  })

  it('refuses a wanted provider that is not there', async () => {
    const refusal = { code: 'NO_PROVIDER' }
    await expect(chooseProvider({ variable, env: {}, wanted: 'environment' })).rejects.toMatchObject(refusal)
    const wanted = { variable, env: {}, wanted: 'docker', hasDocker: noDocker } as const
    await expect(chooseProvider(wanted)).rejects.toMatchObject(refusal)
  })

  it('refuses an unknown MILLRACE_PROVIDER', async () => {
    const env = { MILLRACE_PROVIDER: 'podman' }
    await expect(chooseProvider({ variable, env, hasDocker: noDocker })).rejects.toMatchObject({
      code: 'OPTION_INVALID',
    })
  })

  it('finds no Docker where nothing listens on its socket', async () => {
    expect(await dockerAnswers({ DOCKER_HOST: 'unix:///nowhere/docker.sock' })).toBe(false)
  })
})
