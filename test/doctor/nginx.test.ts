import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { judgeNginx, nginxBytes, nginxMs, parseNginx } from '../../doctor/checks/nginx.ts'

const BOUNDS = { port: 7860, longestMs: 75_000, maxUploadMb: 100 }

const GOOD = `
user www-data;
http {
  client_max_body_size 200m; # "quoted; text" in a comment {
  log_format main '$remote_addr "$request" {';
  upstream demos { server 127.0.0.1:7860; keepalive 16; keepalive_timeout 60s; }
  server {
    server_name demos.example.org;
    location / { proxy_pass http://demos; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_read_timeout 2m; }
    location /other/ { proxy_pass http://127.0.0.1:9000; }
  }
}
`

describe('nginx', () => {
  test('a configuration that fits is said to fit', () => {
    const findings = judgeNginx(GOOD, BOUNDS)
    assert.deepEqual(findings.map(({ level }) => level), ['ok'])
    assert.match(findings[0]?.text ?? '', /^demos\.example\.org \//)
  })

  test('its defaults do not fit', () => {
    const findings = judgeNginx('http { server { location / { proxy_pass http://localhost:7860/; } } }', BOUNDS)
    assert.deepEqual(findings.map(({ advice }) => advice), ['proxy_read_timeout 90s;', 'client_max_body_size 100m;'])
    assert.ok(findings.every(({ level, cause }) => level === 'warning' && cause === 'proxy'))
  })

  test('each bound is judged where it is set, the inner one first', () => {
    const findings = judgeNginx(`
      http {
        proxy_read_timeout 600;
        upstream app { server [::1]:7860 max_fails=1; keepalive 8; keepalive_timeout 75s; }
        server {
          server_name a.org;
          client_max_body_size 0;
          location /x { proxy_read_timeout 30s; proxy_ignore_headers X-Accel-Buffering; proxy_pass http://app; }
        }
      }`, BOUNDS)
    assert.deepEqual(findings.map(({ advice }) => advice), ['proxy_read_timeout 90s;', 'proxy_buffering off;', 'keepalive_timeout 60s; in the upstream block'])
  })

  test('one that serves others is left alone', () => {
    assert.match(judgeNginx(GOOD, { ...BOUNDS, port: 1 })[0]?.text ?? '', /passes nothing to port 1/)
  })

  test('an unbalanced text is read as far as it goes', () => {
    assert.deepEqual(parseNginx('a { b c; } } d e').map(({ words }) => words), [['a']])
    assert.deepEqual(parseNginx('server { location / { proxy_pass http://x:7860;').length, 1)
  })

  test('reads its units', () => {
    assert.deepEqual(['90', '1m30s', '1m 30s', '500ms', '2h'].map(nginxMs), [90_000, 90_000, 90_000, 500, 7_200_000])
    assert.deepEqual(['0', '8k', '1M', '2g'].map(nginxBytes), [0, 8_192, 1_048_576, 2_147_483_648])
  })
})
