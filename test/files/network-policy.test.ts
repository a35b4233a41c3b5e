import assert from 'node:assert/strict'
import { networkInterfaces } from 'node:os'
import { describe, it } from 'node:test'
import { isPublicAddress, PUBLIC_NETWORK } from '../../server/files/network-policy.ts'

describe('isPublicAddress', () => {
  for (const address of ['93.184.216.34', '8.8.8.8', '1.1.1.1', '172.15.255.255', '172.32.0.1', '100.63.255.255', '100.128.0.1', '2606:4700:4700::1111', '2a00:1450:4001::1', '::ffff:8.8.8.8', '64:ff9b::808:808']) {
    it(`lets ${address} pass`, () => assert.equal(isPublicAddress(address), true))
  }

  const refused = {
    'this network': ['0.0.0.0', '0.1.2.3'],
    loopback: ['127.0.0.1', '127.255.255.254', '::1'],
    private: ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.0.1', 'fc00::1', 'fd12:3456::1', 'fd00:ec2::254', 'fec0::1'],
    'link-local': ['169.254.0.1', '169.254.169.254', 'fe80::1', 'fe80::1%eth0'],
    'shared by carriers': ['100.64.0.1', '100.100.100.200', '100.127.255.255'],
    multicast: ['224.0.0.1', '239.255.255.255', 'ff02::1'],
    broadcast: ['255.255.255.255'],
    reserved: ['192.0.0.192', '192.0.2.1', '198.18.0.1', '198.51.100.1', '203.0.113.1', '240.0.0.1', '192.88.99.1', '100::1', '2001:db8::1', '3fff::1', '4000::1', '5f00::1'],
    unspecified: ['::'],
    'IPv4 in IPv6': ['::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:169.254.169.254', '::ffff:0:127.0.0.1', '::127.0.0.1', '::7f00:1', '64:ff9b::7f00:1', '64:ff9b::a9fe:a9fe', '64:ff9b:1::7f00:1', '2002:7f00:1::1', '2002:808:808::1', '2001:0:7f00:1::1', '2001:0:808:808::1'],
    'of a cloud': ['168.63.129.16', '::ffff:168.63.129.16', '64:ff9b::a83f:8110'],
    'no address': ['', 'localhost', 'example.com', '127.1', '0x7f.1', '2130706433', '1.2.3', '[::1]', '1.2.3.4.5', '1.2.3.4/8'],
  }
  for (const [what, addresses] of Object.entries(refused)) {
    for (const address of addresses) it(`refuses ${JSON.stringify(address)} (${what})`, () => assert.equal(isPublicAddress(address), false))
  }

  it('refuses the addresses of this machine itself', () => {
    for (const own of Object.values(networkInterfaces()).flat()) assert.equal(isPublicAddress(own?.address ?? ''), false)
  })
})

describe('PUBLIC_NETWORK', () => {
  it('allows the ports of the web and those that need no privilege', () => {
    for (const port of ['', '80', '443', '1024', '8080', '65535']) assert.equal(PUBLIC_NETWORK.allowsPort(port), true, port)
    for (const port of ['0', '22', '25', '111', '445', '1023']) assert.equal(PUBLIC_NETWORK.allowsPort(port), false, port)
  })

  it('takes a name without any address for what it is, also when nobody waits any more', async () => {
    assert.deepEqual(await PUBLIC_NETWORK.resolve('no-such-name.invalid', AbortSignal.timeout(0)), [])
  })
})
