import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isRegistry } from './reference.ts';
import { registryName, registryNames, repositoryName } from './registry-name.ts';

describe('the name of a registry', () => {
  it('is the same in all spellings', () => {
    for (const [name, spellings] of Object.entries({
      'docker.io': [
        'docker.io',
        'Docker.IO',
        'docker.io:443',
        'index.docker.io',
        'INDEX.docker.io:443',
        'registry-1.docker.io',
        'Registry-1.docker.io:0443',
      ],
      'registry.example.com': ['registry.example.com', 'Registry.Example.COM', 'registry.example.com:443'],
      'registry.example.com:5000': ['registry.example.com:5000', 'REGISTRY.example.com:05000'],
      '127.0.0.1:5000': ['127.0.0.1:5000', '127.1:5000', '0x7f.0.0.1:5000'],
      '[::1]:5000': ['[::1]:5000', '[0:0:0:0:0:0:0:1]:5000'],
    })) {
      for (const spelling of spellings) {
        assert.equal(registryName(spelling), name, spelling);
        assert.equal(repositoryName(`${spelling}/a/b`), `${name}/a/b`);
      }
    }
  });

  it('is another one on another port, and below or beside Docker Hub', () => {
    for (const other of [
      'docker.io:5000',
      'hub.docker.io',
      'xdocker.io',
      'docker.io.example.com',
      'registry-2.docker.io',
    ])
      assert.equal(registryName(other), other);
  });

  it('is a registry itself, and its own name', () => {
    const label = fc.stringMatching(/^[a-zA-Z0-9]{1,6}$/);
    const registry = fc
      .tuple(fc.array(label, { minLength: 2, maxLength: 4 }), fc.option(fc.nat(65535)))
      .map(([labels, port]) => `${labels.join('.')}${port === null ? '' : `:${port}`}`)
      .filter(isRegistry);
    fc.assert(
      fc.property(registry, (text) => {
        const name = registryName(text);
        assert.equal(registryName(name), name);
        assert.ok(registryNames(text).includes(name));
        for (const each of registryNames(text)) assert.equal(registryName(each), name);
      }),
    );
  });
});
