import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatImageName, parseImageName } from './image-name.ts';

const digest = `sha256:${'ab'.repeat(32)}`;

/** As `crictl pull` and kubelets complete them. */
const names: readonly [string, string | undefined][] = [
  ['nginx', 'docker.io/library/nginx:latest'],
  ['nginx:1.27', 'docker.io/library/nginx:1.27'],
  ['acme/nginx', 'docker.io/acme/nginx:latest'],
  ['docker.io/nginx', 'docker.io/library/nginx:latest'],
  ['docker.io/library/nginx', 'docker.io/library/nginx:latest'],
  ['index.docker.io/acme/nginx:1', 'docker.io/acme/nginx:1'],
  ['registry-1.docker.io/library/nginx', 'docker.io/library/nginx:latest'],
  ['ghcr.io/acme/nginx', 'ghcr.io/acme/nginx:latest'],
  ['GHCR.io/acme/nginx:V1', 'ghcr.io/acme/nginx:V1'],
  ['ghcr.io:443/acme/nginx', 'ghcr.io/acme/nginx:latest'],
  ['localhost/nginx', 'localhost/nginx:latest'],
  ['localhost:5000/nginx', 'localhost:5000/nginx:latest'],
  ['localhost:5000', 'docker.io/library/localhost:5000'],
  ['registry:5000/a/b/c:d', 'registry:5000/a/b/c:d'],
  ['[::1]:5000/nginx', '[::1]:5000/nginx:latest'],
  ['a.b/c', 'a.b/c:latest'],
  [`nginx@${digest}`, `docker.io/library/nginx@${digest}`],
  [`nginx:1.27@${digest}`, `docker.io/library/nginx:1.27@${digest}`],
  ['', undefined],
  ['Nginx', undefined],
  ['nginx:', undefined],
  ['nginx:a:b', undefined],
  ['nginx@sha256:ab', undefined],
  [`nginx@${digest}@${digest}`, undefined],
  ['ghcr.io/', undefined],
  ['https://ghcr.io/acme/nginx', undefined],
  [' nginx', undefined],
  ['acme//nginx', undefined],
];

describe('the image of a container', () => {
  for (const [text, expected] of names) {
    it(`${JSON.stringify(text)} is ${expected ?? 'not the name of an image'}`, () => {
      const name = parseImageName(text);
      assert.equal(name && formatImageName(name), expected);
    });
  }
});
