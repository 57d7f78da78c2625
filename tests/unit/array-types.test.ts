import { expect, it } from 'vitest'
import { parseArray, serializeArray } from '../../src/server/platform/db/array-types.ts'

it('reads what PostgreSQL writes', () => {
  expect(parseArray('{}', String)).toEqual([])
  expect(parseArray('{1,2,NULL}', Number)).toEqual([1, 2, null])
  expect(parseArray(String.raw`{a,"b c","d,\"e\\","",NULL,"NULL",汛}`, String)).toEqual(['a', 'b c', String.raw`d,"e\ `.trim(), '', null, 'NULL', '汛'])
})

it('writes what PostgreSQL reads, and back', () => {
  const hard = ['', 'NULL', 'a,b', '{}', '"', '\\', '汛期\n']
  expect(parseArray(String(serializeArray(hard)), String)).toEqual(hard)
  expect(serializeArray(['x', null, { a: 1 }])).toBe(String.raw`{"x",NULL,"{\"a\":1}"}`)
  expect(serializeArray('{ready}')).toBe('{ready}')
})
