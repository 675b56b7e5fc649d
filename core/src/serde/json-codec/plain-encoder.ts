import type { ByteWriter } from '../byte-writer.ts'
import { arrayDemand, numberDemand, placeOf } from './demand.ts'
import { type Encoder, hasRequired } from './encoder.ts'
import type { ObjectShape, Shape } from './shape.ts'
import { unfit, unkept, writeAny, writeNumber, writeString } from './writing.ts'

/** What the generated encoder of a shape does, where code may not be made from text: the same bytes, the same errors. */
export function plainEncoder(shape: Shape): Encoder {
  return (value, target) => write(shape, value, target, '')
}

function write(shape: Shape, value: unknown, target: ByteWriter, path: string): void {
  switch (shape.kind) {
    case 'string':
      if (typeof value !== 'string') throw unfit(path, value, 'a string')
      if (shape.rule !== null && !shape.rule.isKept(value)) throw unkept(path, value, shape.rule)
      writeString(target, value)
      return
    case 'number': {
      const isRight = typeof value === 'number' && (shape.isInteger ? Number.isInteger(value) : Number.isFinite(value))
      if (!isRight || !shape.limits.every(({ comparison, bound }) => stands(value, comparison, bound)))
        throw unfit(path, value, numberDemand(shape))
      if (shape.rule !== null && !shape.rule.isKept(value)) throw unkept(path, value, shape.rule)
      writeNumber(target, value)
      return
    }
    case 'boolean':
      if (shape.rule !== null && !shape.rule.isKept(value)) throw unkept(path, value, shape.rule)
      if (typeof value !== 'boolean') throw unfit(path, value, 'a boolean')
      target.writeUtf8(String(value))
      return
    case 'null':
      if (value !== null) throw unfit(path, value, 'null')
      target.writeUtf8('null')
      return
    case 'nullable':
      if (value === null) target.writeUtf8('null')
      else write(shape.inner, value, target, path)
      return
    case 'array':
      if (!Array.isArray(value) || value.length < shape.least || value.length > shape.most)
        throw unfit(path, value, arrayDemand(shape))
      target.writeUint8(0x5b)
      for (let index = 0; index < value.length; index++) {
        if (index > 0) target.writeUint8(0x2c)
        write(shape.items, value[index], target, `${path}/*`)
      }
      target.writeUint8(0x5d)
      return
    case 'object':
      writeObject(shape, value, target, path)
      return
    case 'any':
      writeAny(target, shape, value, path)
  }
}

function writeObject({ properties, isClosed }: ObjectShape, value: unknown, target: ByteWriter, path: string): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unfit(path, value, 'an object')
  const fields = value as Record<string, unknown>
  if (isClosed) {
    for (const name of Object.keys(fields)) {
      if (fields[name] === undefined || properties.some((property) => property.name === name)) continue
      throw unfit(`${path}/${name}`, fields[name], 'no such field')
    }
  }
  if (!hasRequired(properties) && typeof fields.toJSON === 'function') throw unfit(path, value, 'a plain object')
  let separator = '{'
  for (const { name, shape, isOptional } of properties) {
    const field = name in Object.prototype && !Object.hasOwn(fields, name) ? undefined : fields[name]
    if (isOptional && field === undefined) continue
    target.writeUtf8(`${separator}${JSON.stringify(name)}:`)
    write(shape, field, target, placeOf(path, name))
    separator = ','
  }
  target.writeUtf8(separator === '{' ? '{}' : '}')
}

function stands(value: number, comparison: '>=' | '<=' | '>' | '<', bound: number): boolean {
  if (comparison === '>=') return value >= bound
  if (comparison === '<=') return value <= bound
  return comparison === '>' ? value > bound : value < bound
}
