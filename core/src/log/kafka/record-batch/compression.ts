import { promisify } from 'node:util'
import { gunzipSync, gzip, zstdCompress, zstdDecompressSync } from 'node:zlib'
import { StreamError } from '../../../errors.ts'

/** How record batches are compressed on the way out. */
export type Compression = 'none' | 'gzip' | 'zstd'

const names = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

/** The number of each in a batch's attributes. */
export const compressionId: Readonly<Record<Compression, number>> = { none: 0, gzip: 1, zstd: 4 }

const gzipAsync = promisify(gzip)
const zstdAsync = promisify(zstdCompress)

/** Compresses in a thread of Node's pool. */
export function compress(compression: Exclude<Compression, 'none'>, bytes: Uint8Array): Promise<Buffer> {
  return compression === 'gzip' ? gzipAsync(bytes) : zstdAsync(bytes)
}

/** @throws LOG_FAILED for a codec that is not supported. */
export function decompress(id: number, bytes: Uint8Array): Buffer {
  if (id === compressionId.gzip) return gunzipSync(bytes)
  if (id === compressionId.zstd) return zstdDecompressSync(bytes)
  throw new StreamError(
    'LOG_FAILED',
    `record batches compressed with ${names[id] ?? `codec ${id}`} cannot be read yet: gzip, zstd and uncompressed ones can. ` +
      'Set compression.type of the producer (or of the topic) to one of these',
    { reaction: 'fail-job' },
  )
}
