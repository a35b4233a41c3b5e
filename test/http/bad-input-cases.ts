/** Requests that no sane caller sends, each with the answer that it gets. */
import { gzipSync } from 'node:zlib'

import { chunked } from './raw-exchange.ts'
import type { RawRequest } from './raw-exchange.ts'

export interface BadInput {
  name: string
  status: number
  code: string
  request: RawRequest
}

/** The host of these cases has this `maxBodyMb` and `maxUploadMb`. */
export const MAX_MB = 1

const JSON_TYPE = { 'content-type': 'application/json' }
const OVER = MAX_MB * 1024 * 1024 + 1_000

function bodies(): BadInput[] {
  const malformed: Record<string, string | Buffer> = {
    'JSON that ends early': '{"text":"a',
    'no JSON': 'hello',
    'a comma too many': '{"text":"a",}',
    'single quotes': "{'text':'a'}",
    'NaN': '{"text":NaN}',
    'an array': '[{"text":"a"}]',
    'a text': '"text"',
    'a number': '42',
    'null': 'null',
    'white space': ' \n ',
    'two objects': '{}{}',
    'a NUL byte': '{"text":"\u0000"}',
    'invalid UTF-8': Buffer.from([...Buffer.from('{"text":"'), 0xc3, 0x28, ...Buffer.from('"}')]),
    'UTF-16': Buffer.from('{"text":"a"}', 'utf16le'),
    'a surrogate in UTF-8': Buffer.from([...Buffer.from('{"text":"'), 0xed, 0xa0, 0x80, ...Buffer.from('"}')]),
    '101 nested arrays': `{"text":${'['.repeat(101)}${']'.repeat(101)}}`,
    'half a million open brackets': '['.repeat(500_000),
    '100,000 nested objects': '{"a":'.repeat(100_000),
    '__proto__': '{"text":"a","__proto__":{"admin":true}}',
    '__proto__ far below': '{"text":"a","x":[{"y":{"__proto__":1}}]}',
    '__proto__ in escapes': '{"\\u005f\\u005fproto\\u005f\\u005f":{"admin":true}}',
    'constructor.prototype': '{"constructor":{"prototype":{"admin":true}}}',
  }
  return Object.entries(malformed).map(([name, body]) => ({ name, status: 400, code: 'MALFORMED_BODY', request: { headers: JSON_TYPE, body } }))
}

function framing(): BadInput[] {
  const bomb = gzipSync(JSON.stringify({ text: 'x'.repeat(50_000_000) }))
  const json = (headers: Record<string, string>, body: string | Buffer): RawRequest => ({ headers: { ...JSON_TYPE, ...headers }, body })
  return [
    { name: 'a length over the bound', status: 413, code: 'TOO_LARGE', request: json({}, JSON.stringify({ text: 'x'.repeat(OVER) })) },
    { name: 'a length over the bound, of which nothing comes', status: 413, code: 'TOO_LARGE', request: { headers: { ...JSON_TYPE, 'content-length': '99999999999' }, half: true } },
    { name: 'chunks over the bound', status: 413, code: 'TOO_LARGE', request: json({ 'transfer-encoding': 'chunked', 'content-length': '' }, chunked('{"text":"', 'x'.repeat(OVER), '"}')) },
    { name: 'a bomb in gzip', status: 413, code: 'TOO_LARGE', request: json({ 'content-encoding': 'gzip' }, bomb) },
    { name: 'gzip that is none', status: 400, code: 'MALFORMED_BODY', request: json({ 'content-encoding': 'gzip' }, '{"text":"a"}') },
    { name: 'gzip cut off', status: 400, code: 'MALFORMED_BODY', request: json({ 'content-encoding': 'gzip' }, bomb.subarray(0, 100)) },
    { name: 'an unknown encoding', status: 415, code: 'UNSUPPORTED_TYPE', request: json({ 'content-encoding': 'zip' }, '{"text":"a"}') },
    { name: 'text', status: 415, code: 'UNSUPPORTED_TYPE', request: json({ 'content-type': 'text/plain' }, '{"text":"a"}') },
    { name: 'a urlencoded form', status: 415, code: 'UNSUPPORTED_TYPE', request: json({ 'content-type': 'application/x-www-form-urlencoded' }, 'text=a') },
    { name: 'no type', status: 415, code: 'UNSUPPORTED_TYPE', request: json({ 'content-type': '' }, '{"text":"a"}') },
    { name: 'another charset', status: 415, code: 'UNSUPPORTED_TYPE', request: json({ 'content-type': 'application/json; charset=latin1' }, '{"text":"a"}') },
    { name: 'a broken chunk', status: 400, code: 'MALFORMED_BODY', request: json({ 'transfer-encoding': 'chunked', 'content-length': '' }, 'zz\r\n{}\r\n0\r\n\r\n') },
    { name: 'both framings', status: 400, code: 'MALFORMED_BODY', request: json({ 'transfer-encoding': 'chunked' }, chunked('{"text":"a"}')) },
    { name: 'an unknown framing', status: 400, code: 'MALFORMED_BODY', request: json({ 'transfer-encoding': 'gzip', 'content-length': '' }, '{}') },
    { name: 'a negative length', status: 400, code: 'MALFORMED_BODY', request: json({ 'content-length': '-1' }, '{}') },
    { name: 'a length that is no number', status: 400, code: 'MALFORMED_BODY', request: json({ 'content-length': '0x10' }, '{}') },
  ]
}

function inputs(): BadInput[] {
  const refused: Record<string, object> = {
    'a missing input': {},
    'null where it is not optional': { text: null },
    'a number for a text': { text: 5 },
    'an object for a text': { text: { toString: 'a' } },
    'a text over its length': { text: 'x'.repeat(11) },
    'a text for a number': { text: 'a', count: '3' },
    'a number above its maximum': { text: 'a', count: 11 },
    'a number below its minimum': { text: 'a', count: -1 },
    'a text for a tick': { text: 'a', flag: 'yes' },
    'a choice that is none': { text: 'a', size: 'huge' },
    'a choice named like a property': { text: 'a', size: 'constructor' },
    'a choice of a group that is none': { text: 'a', colours: ['red', 'mauve'] },
    'one value for many': { text: 'a', picks: 'a' },
    'many values for one': { text: 'a', pick: ['one'] },
    'a table without data': { text: 'a', table: { headers: ['x'] } },
    'an unknown role': { text: 'a', chat: [{ role: 'root', content: 'hi' }] },
    'an unknown input': { text: 'a', other: 1 },
    'an input named like a property': { text: 'a', toString: 1, hasOwnProperty: 1 },
    'a prototype key inside of a JSON value': { text: 'a', data: { prototype: 1 } },
  }
  const cases = Object.entries(refused).map(([name, body]) => ({ name, status: 400, code: 'INVALID_INPUT', request: { path: '/http-kinds/predict', headers: JSON_TYPE, body: JSON.stringify(body) } }))
  return [...cases, { name: 'a number without end', status: 400, code: 'INVALID_INPUT', request: { path: '/http-kinds/predict', headers: JSON_TYPE, body: '{"text":"a","count":1e999}' } }]
}

function files(): BadInput[] {
  const addresses = [
    'http://127.0.0.1:1/', 'http://localhost/', 'http://[::1]/', 'http://169.254.169.254/latest/meta-data/', 'http://10.0.0.1/', 'http://192.168.1.1/', 'http://172.16.0.1/',
    'http://0x7f000001/', 'http://2130706433/', 'http://0177.0.0.1/', 'http://0.0.0.0/', 'http://[::ffff:127.0.0.1]/', 'http://[fe80::1]/', 'http://[fd00::1]/', 'http://[64:ff9b::7f00:1]/',
    'http://100.64.0.1/', 'http://user:password@example.org/', 'file:///etc/passwd', 'ftp://example.org/a', 'gopher://127.0.0.1:6379/_INFO', 'javascript:alert(1)', 'not an address',
    '/file/uploads/../../etc/passwd', '/file/uploads/%2e%2e%2f%2e%2e%2fetc%2fpasswd', '/file/%ff',
  ]
  const values: Record<string, unknown> = {
    'a local path': { path: '/etc/passwd', name: 'passwd', size: 1, mimeType: 'image/png' },
    'a bare path': '/etc/passwd',
    'base64 that is none': { data: '§§§', mimeType: 'image/png' },
    'data that is no text': { data: [1, 2, 3], mimeType: 'image/png' },
    'both data and an address': { data: 'aGk=', url: 'https://example.org/a.png' },
    'a file of another type': { data: 'aGk=', mimeType: 'text/html' },
    'a type that is none': { data: 'aGk=', mimeType: 'x\r\ny: z' },
  }
  const all = [...addresses.map((url): [string, unknown] => [`the address ${url}`, { url }]), ...Object.entries(values)]
  return all.map(([name, picture]) => ({ name, status: 400, code: 'INVALID_INPUT', request: { path: '/http-files/predict', headers: JSON_TYPE, body: JSON.stringify({ picture }) } }))
}

const BOUNDARY = 'b0undary'
const FORM_TYPE = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` }

function part(disposition: string, content: string | Buffer, type = ''): Buffer {
  return Buffer.concat([Buffer.from(`--${BOUNDARY}\r\nContent-Disposition: form-data; ${disposition}\r\n${type === '' ? '' : `Content-Type: ${type}\r\n`}\r\n`), Buffer.from(content), Buffer.from('\r\n')])
}

const END = Buffer.from(`--${BOUNDARY}--\r\n`)

function forms(): BadInput[] {
  const form = (name: string, status: number, code: string, body: string | Buffer, headers: Record<string, string> = FORM_TYPE): BadInput => ({ name, status, code, request: { path: '/http-files/predict', headers, body } })
  const many = Buffer.concat(Array.from({ length: 101 }, (_, index) => part(`name="papers"; filename="${index}.txt"`, 'a', 'text/plain')))
  return [
    form('a form without boundary', 400, 'MALFORMED_BODY', 'x', { 'content-type': 'multipart/form-data' }),
    form('a form that is none', 400, 'MALFORMED_BODY', 'hello'),
    form('a form that ends early', 400, 'MALFORMED_BODY', part('name="picture"; filename="a.png"', 'abc', 'image/png')),
    form('a part without a name', 400, 'MALFORMED_BODY', Buffer.concat([part('filename="a"', 'x', 'image/png'), END])),
    form('a field of no input', 400, 'INVALID_INPUT', Buffer.concat([part('name="other"', 'x'), END])),
    form('a field named __proto__', 400, 'INVALID_INPUT', Buffer.concat([part('name="__proto__"', 'x'), END])),
    form('a local path in a field', 400, 'INVALID_INPUT', Buffer.concat([part('name="picture"', '/etc/passwd'), END])),
    form('a file of another type in a form', 400, 'INVALID_INPUT', Buffer.concat([part('name="picture"; filename="../../a.html"', '<p>', 'text/html'), END])),
    form('two files for one', 400, 'INVALID_INPUT', Buffer.concat([part('name="picture"; filename="a.png"', 'x', 'image/png'), part('name="picture"; filename="b.png"', 'x', 'image/png'), END])),
    form('101 files', 413, 'TOO_LARGE', Buffer.concat([many, END])),
    form('a file over the bound', 413, 'TOO_LARGE', Buffer.concat([part('name="papers"; filename="a"', Buffer.alloc(OVER), 'a/b'), END])),
  ]
}

function addresses(): BadInput[] {
  const get = (path: string, status: number, code: string): BadInput => ({ name: `GET ${path.slice(0, 60)}`, status, code, request: { method: 'GET', path } })
  return [
    get('/../../etc/passwd', 404, 'NOT_FOUND'),
    get('/echo/../../etc/passwd', 404, 'NOT_FOUND'),
    get('/file/results/..%2f..%2f..%2fetc/passwd', 404, 'NOT_FOUND'),
    get('/file/uploads/%2e%2e/%2e%2e', 404, 'NOT_FOUND'),
    get('/docs/assets/..%2f..%2fpackage.json', 404, 'NOT_FOUND'),
    get('/echo/predictions/..%2f..%2fstatus', 404, 'NOT_FOUND'),
    get('/%00/', 404, 'MODEL_NOT_FOUND'),
    get('/%ff/', 400, 'MALFORMED_BODY'),
    get('/%c0%ae%c0%ae/', 400, 'MALFORMED_BODY'),
    get(`/${'a'.repeat(20_000)}`, 431, 'TOO_LARGE'),
    get(`/?${'a=b&'.repeat(3_000)}x[__proto__][y]=1`, 200, ''),
    { name: 'TRACE', status: 405, code: 'METHOD_NOT_ALLOWED', request: { method: 'TRACE', path: '/models' } },
    { name: 'CONNECT', status: 405, code: 'METHOD_NOT_ALLOWED', request: { method: 'CONNECT', path: 'example.org:443' } },
    { name: 'a method that is none', status: 400, code: 'MALFORMED_BODY', request: { method: 'HACK' } },
  ]
}

function headers(): BadInput[] {
  const post = (name: string, status: number, code: string, more: Record<string, string>): BadInput => ({ name, status, code, request: { headers: { ...JSON_TYPE, ...more }, body: '{"text":"a"}' } })
  return [
    post('a header of 20 kB', 431, 'TOO_LARGE', { cookie: 'x'.repeat(20_000) }),
    post('two thousand headers', 431, 'TOO_LARGE', Object.fromEntries(Array.from({ length: 2_000 }, (_, index) => [`x-${index}`, 'y']))),
    post('a header with a control character', 400, 'MALFORMED_BODY', { 'x-a': 'b\u0001c' }),
    post('no Host', 400, 'MALFORMED_BODY', { host: '' }),
    post('a foreign Host', 421, 'WRONG_HOST', { host: 'evil.example.org' }),
    post('a foreign Origin', 403, 'FORBIDDEN', { origin: 'https://evil.example.org' }),
    post('Accept that fits nothing', 406, 'NOT_ACCEPTABLE', { accept: 'image/png' }),
    post('a deadline that is none', 400, 'INVALID_INPUT', { 'x-timeout-ms': 'NaN' }),
    post('a deadline of a week', 400, 'INVALID_INPUT', { 'x-timeout-ms': '604800000' }),
    { name: 'what is no HTTP', status: 400, code: 'MALFORMED_BODY', request: { bytes: '\u0016\u0003\u0001\u0002\u0000\u0001' } },
    { name: 'the beginning of HTTP/2', status: 400, code: 'MALFORMED_BODY', request: { bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' } },
    { name: 'a line without end', status: 431, code: 'TOO_LARGE', request: { bytes: `GET /${'a'.repeat(40_000)}` } },
    { name: 'two lengths', status: 400, code: 'MALFORMED_BODY', request: { bytes: 'POST /echo/predict HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}' } },
    { name: 'a folded header', status: 400, code: 'MALFORMED_BODY', request: { bytes: 'GET / HTTP/1.1\r\nhost: localhost\r\nx: a\r\n b\r\n\r\n' } },
  ]
}

export const BAD_INPUTS: readonly BadInput[] = [...bodies(), ...framing(), ...inputs(), ...files(), ...forms(), ...addresses(), ...headers()]
