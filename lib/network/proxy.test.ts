import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { proxyFor } from './proxy.ts';

const proxies = { http: 'http://proxy:1', https: 'http://proxy:2' };

describe('proxyFor', () => {
  it('returns only the proxy of the scheme', () => {
    assert.equal(proxyFor(new URL('http://a.test/'), proxies), 'http://proxy:1');
    assert.equal(proxyFor(new URL('https://a.test/'), proxies), 'http://proxy:2');
    assert.equal(proxyFor(new URL('https://a.test/'), { http: 'http://proxy:1' }), undefined);
    assert.equal(proxyFor(new URL('http://a.test/'), undefined), undefined);
  });

  it('returns no proxy for this machine', () => {
    for (const host of ['localhost', '127.0.0.1:5000', '[::1]:5000', 'a.localhost'])
      assert.equal(proxyFor(new URL(`http://${host}/`), proxies), undefined);
  });

  const rows: [string, string, boolean][] = [
    ['*', 'a.test', true],
    ['b.test, *', 'a.test', true],
    ['a.test', 'a.test', true],
    ['A.Test.', 'a.test', true],
    ['a.test', 'x.a.test', true],
    ['a.test', 'xa.test', false],
    ['.a.test', 'x.a.test', true],
    ['.a.test', 'a.test', false],
    ['*.a.test', 'x.a.test', true],
    ['*.a.test', 'a.test', false],
    ['b.test,a.test', 'a.test', true],
    ['b.test a.test', 'a.test', true],
    ['a.test:5000', 'a.test:5000', true],
    ['a.test:5000', 'a.test:5001', false],
    ['a.test:443', 'a.test', true],
    ['*:5000', 'a.test', false],
    ['10.0.0.1', '10.0.0.1', true],
    ['10.0.0.1:5000', '10.0.0.1:5000', true],
    ['10.0.0.1', '10.0.0.10', false],
    ['10.0.0.0/8', '10.1.2.3:5000', true],
    ['10.0.0.0/8', '11.1.2.3', false],
    ['10.0.0.0/8', '10.example.test', false],
    ['10.0.0.0/33,10.0.0.0/x,x/8', '10.1.2.3', false],
    ['fd00::/8', '[fd00::1]:5000', true],
    ['fd00::/8', '[fe80::1]', false],
    ['fd00::1', '[fd00::1]', true],
    ['[fd00::1]:5000', '[fd00::1]:5000', true],
    ['FD00:0:0::1', '[fd00::1]', true],
    ['[fd00:0::1]:5000', '[fd00::1]:5000', true],
    ['fd00::2', '[fd00::1]', false],
    ['', 'a.test', false],
    [',,', 'a.test', false],
  ];
  for (const [noProxy, host, direct] of rows) {
    it(`goes ${direct ? 'directly' : 'through the proxy'} to ${host} where NO_PROXY is "${noProxy}"`, () =>
      assert.equal(proxyFor(new URL(`https://${host}/`), { ...proxies, noProxy }), direct ? undefined : proxies.https));
  }
});
