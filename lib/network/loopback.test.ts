import assert from 'node:assert/strict';
import { it } from 'node:test';
import { isLoopback } from './loopback.ts';
import { isPrivateTransport } from './private-transport.ts';

for (const [host, isOwn] of [
  ['localhost', true],
  ['LOCALHOST:5000', true],
  ['registry.localhost', true],
  ['127.0.0.1', true],
  ['127.255.3.4:1', true],
  ['[::1]:5000', true],
  ['localhost.example.com', false],
  ['notlocalhost', false],
  ['127.0.0.1.example.com', false],
  ['128.0.0.1', false],
  ['[::2]', false],
  ['[::ffff:127.0.0.1]', false],
] as const) {
  it(`${host} is ${isOwn ? '' : 'not '}this machine, and plain HTTP ${isOwn ? '' : 'not '}private there`, () => {
    assert.equal(isLoopback(new URL(`http://${host}/`)), isOwn);
    assert.equal(isPrivateTransport(`http://${host}/`), isOwn);
    assert.ok(isPrivateTransport(`https://${host}/`));
    assert.ok(!isPrivateTransport(`ftp://${host}/`));
  });
}
