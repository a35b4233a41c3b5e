import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readMachineMemory } from '../server/machine-memory.ts'
import { memoryGroups } from '../workers/cgroup.ts'

const MEMINFO = 'MemTotal:       8000 kB\nMemFree:         500 kB\nMemAvailable:   3000 kB\n'
const UNLIMITED_FIRST = '9223372036854771712\n'
const kb = (number: number): string => `${number * 1024}\n`

function reading(files: Record<string, string>) {
  return (path: string): string | null => files[path] ?? null
}

/** In kB. */
function memoryIn(files: Record<string, string>): [available: number, limit: number] | null {
  const memory = readMachineMemory(reading(files))
  return memory === null ? null : [memory.availableBytes / 1024, memory.limitBytes / 1024]
}

describe('the memory of the machine', () => {
  test('is what the kernel says can be taken, caches included', () => {
    assert.deepEqual(memoryIn({ '/proc/meminfo': MEMINFO }), [3000, 8000])
  })

  test('is not known where the system does not tell', () => {
    assert.equal(memoryIn({}), null)
    assert.equal(memoryIn({ '/proc/meminfo': 'MemTotal: 8000 kB\n' }), null)
  })

  test('is that of the control group, where it leaves less; what files left in its cache counts as free', () => {
    const group = '/sys/fs/cgroup/app'
    const files = {
      '/proc/meminfo': MEMINFO, '/proc/self/cgroup': '0::/app\n', [`${group}/memory.max`]: kb(2000), [`${group}/memory.high`]: 'max\n',
      [`${group}/memory.current`]: kb(1900), [`${group}/memory.stat`]: `anon 1\nfile 2\ninactive_file ${600 * 1024}\nactive_file 3\n`,
    }
    assert.deepEqual(memoryIn(files), [700, 2000])
    assert.deepEqual(memoryIn({ ...files, [`${group}/memory.high`]: kb(1500) }), [200, 1500])
    assert.deepEqual(memoryIn({ ...files, [`${group}/memory.current`]: kb(5000) }), [0, 2000])
    assert.deepEqual(memoryIn({ ...files, [`${group}/memory.max`]: 'max\n' }), [3000, 8000])
  })

  test('is bounded also by a group further out', () => {
    const files = {
      '/proc/meminfo': MEMINFO, '/proc/self/cgroup': '0::/slice/app\n', '/sys/fs/cgroup/slice/app/memory.max': 'max\n',
      '/sys/fs/cgroup/slice/memory.max': kb(1000), '/sys/fs/cgroup/slice/memory.current': kb(400),
    }
    assert.deepEqual(memoryIn(files), [600, 1000])
  })

  test('is read in the first version of control groups, too, also where only the container\'s own root can be seen', () => {
    const root = '/sys/fs/cgroup/memory'
    const files = {
      '/proc/meminfo': MEMINFO, '/proc/self/cgroup': '5:cpu,cpuacct:/x\n4:memory:/docker/abc\n0::/\n', [`${root}/memory.limit_in_bytes`]: kb(2000),
      [`${root}/memory.usage_in_bytes`]: kb(1500), [`${root}/memory.stat`]: `inactive_file 1\ntotal_inactive_file ${100 * 1024}\n`,
    }
    assert.deepEqual(memoryIn(files), [600, 2000])
    assert.deepEqual(memoryIn({ ...files, [`${root}/memory.limit_in_bytes`]: UNLIMITED_FIRST }), [3000, 8000])
  })
})

test('control groups are looked for from our own outwards', () => {
  assert.deepEqual(memoryGroups(reading({ '/proc/self/cgroup': '0::/a/b\n' })), { version: 2, folders: ['/sys/fs/cgroup/a/b', '/sys/fs/cgroup/a', '/sys/fs/cgroup'] })
  assert.deepEqual(memoryGroups(reading({ '/proc/self/cgroup': '3:memory:/\n0::/a\n' })), { version: 1, folders: ['/sys/fs/cgroup/memory'] })
  assert.equal(memoryGroups(reading({})), null)
})
