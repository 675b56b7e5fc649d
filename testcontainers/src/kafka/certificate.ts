import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface Certificate {
  readonly keystore: { readonly file: string; readonly password: string }
  /** The self-signed certificate, PEM: what clients trust. */
  readonly ca: string
}

/** A key and a self-signed certificate for localhost and 127.0.0.1, good for some days. */
export async function createCertificate(keytool: string, folder: string): Promise<Certificate> {
  const file = join(folder, 'keystore.p12')
  const password = randomBytes(12).toString('hex')
  // By the environment: every user of the machine can read arguments.
  const env = { ...process.env, MILLRACE_STORE_PASSWORD: password }
  const store = [
    '-alias',
    'broker',
    '-keystore',
    file,
    '-storetype',
    'PKCS12',
    '-storepass:env',
    'MILLRACE_STORE_PASSWORD',
  ]
  const subject = ['-dname', 'CN=localhost', '-ext', 'SAN=DNS:localhost,IP:127.0.0.1', '-validity', '7']
  await run(keytool, ['-genkeypair', '-keyalg', 'EC', '-groupname', 'secp256r1', ...subject, ...store], { env })
  const { stdout } = await run(keytool, ['-exportcert', '-rfc', ...store], { env })
  return { keystore: { file, password }, ca: stdout }
}
