import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { clientOf } from './client.ts';

describe('a client', () => {
  it('is an IPv4 address, also where a socket for both families has it', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => clientOf(`::ffff:${address}`) === address && clientOf(address) === address),
    );
  });

  it('is the first half of an IPv6 address, however it is written', () => {
    const group = fc.nat(0xffff).map((number) => number.toString(16));
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
        const expected = groups.slice(0, 4).join(':');
        assert.equal(clientOf(groups.join(':')), expected);
        assert.equal(clientOf(groups.map((each) => each.padStart(4, '0').toUpperCase()).join(':')), expected);
        assert.equal(clientOf(`${groups.slice(0, 4).join(':')}::1`), expected);
      }),
    );
    for (const [address, client] of [
      ['::1', '0:0:0:0'],
      ['fe80::1%eth0', 'fe80:0:0:0'],
      ['2001:db8::a:b:c:d', '2001:db8:0:0'],
      ['2001:db8:1:2:3::', '2001:db8:1:2'],
    ] as const) {
      assert.equal(clientOf(address), client);
    }
  });

  it('differs from all other clients', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV4(), (one, other) => (clientOf(one) === clientOf(other)) === (one === other)),
    );
    assert.equal(clientOf(''), '');
  });
});
