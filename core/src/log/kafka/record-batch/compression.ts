import { promisify } from 'node:util'
import { gunzipSync, gzip, zstdCompress, zstdDecompressSync } from 'node:zlib'
import { compressionsAlgorithms } from '@platformatic/kafka'
import { StreamError } from '../../../errors.ts'

/** How record batches are compressed on the way out. */
export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

/** The number of each in a batch's attributes. */
export const compressionId: Readonly<Record<Compression, number>> = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 }

const gzipAsync = promisify(gzip)
const zstdAsync = promisify(zstdCompress)

/** gzip and zstd compress in a thread of Node's pool, snappy and lz4 at once. */
export async function compress(compression: Exclude<Compression, 'none'>, bytes: Buffer): Promise<Buffer> {
  switch (compression) {
    case 'gzip':
      return gzipAsync(bytes)
    case 'zstd':
      return zstdAsync(bytes)
    case 'snappy':
      return compressionsAlgorithms.snappy.compressSync(bytes)
    case 'lz4':
      return compressionsAlgorithms.lz4.compressSync(bytes)
  }
}

/** @throws LOG_FAILED for a codec that Kafka did not know when this was written */
export function decompress(id: number, bytes: Buffer): Buffer {
  switch (id) {
    case compressionId.gzip:
      return gunzipSync(bytes)
    case compressionId.snappy:
      return compressionsAlgorithms.snappy.decompressSync(bytes)
    case compressionId.lz4:
      return compressionsAlgorithms.lz4.decompressSync(bytes)
    case compressionId.zstd:
      return zstdDecompressSync(bytes)
  }
  throw new StreamError('LOG_FAILED', `a record batch is compressed with the unknown codec ${id}`, {
    reaction: 'fail-job',
  })
}
