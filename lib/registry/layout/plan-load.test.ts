import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mediaTypes } from '../descriptor.ts';
import { digestOf } from '../digest.ts';
import { formatReference, parseReference } from '../reference.ts';
import type { LayoutRoot } from './open-layout.ts';
import { type PlannedLoad, parseLoadDestination, planLoad } from './plan-load.ts';

function root(text: string, names: readonly string[], tags: readonly string[] = []): LayoutRoot {
  const bytes = new TextEncoder().encode(text);
  const descriptor = { mediaType: mediaTypes.manifest, digest: digestOf(bytes), size: bytes.length };
  const references = names.map((name) => parseReference(name));
  return { descriptor, references, tags: [...tags, ...references.flatMap(({ tag }) => tag ?? [])] };
}

const nginx = root('nginx', ['ghcr.io/acme/nginx:1.27', 'ghcr.io/acme/nginx:stable']);
const redis = root('redis', ['ghcr.io/acme/redis:7']);
const other = root('other', ['docker.io/acme/nginx:1.27']);
const digestOnly = root('digest', [`ghcr.io/acme/by-digest@${digestOf(new TextEncoder().encode('digest'))}`]);
const nameless = root('nameless', [], ['v1']);
const untagged = root('untagged', []);

const plan = (roots: readonly LayoutRoot[], destination?: string): string[] =>
  planLoad(roots, parseLoadDestination(destination), 'x.tar').flatMap(({ repository, tags }: PlannedLoad) =>
    tags.length === 0 ? [formatReference(repository)] : tags.map((tag) => formatReference({ ...repository, tag })),
  );

describe('planLoad', () => {
  for (const [title, roots, destination, expected] of [
    ['one artifact to its tags', [nginx], 'a.io/x', ['a.io/x:1.27', 'a.io/x:stable']],
    ['one artifact to a tag', [nginx], 'a.io/x:2', ['a.io/x:2']],
    ['one of several by digest', [nginx, redis], `a.io/x@${redis.descriptor.digest}`, ['a.io/x:7']],
    ['all to one repository', [nginx, redis], 'a.io/x', ['a.io/x:1.27', 'a.io/x:stable', 'a.io/x:7']],
    [
      'all to a registry',
      [nginx, redis],
      'a.io/',
      ['a.io/acme/nginx:1.27', 'a.io/acme/nginx:stable', 'a.io/acme/redis:7'],
    ],
    ['all below a prefix', [redis, digestOnly], 'a.io/m/x/', ['a.io/m/x/acme/redis:7', 'a.io/m/x/acme/by-digest']],
    ['all to their own names', [redis, other], undefined, ['ghcr.io/acme/redis:7', 'docker.io/acme/nginx:1.27']],
    ['an artifact without a name to a repository', [nameless, untagged], 'a.io/x', ['a.io/x:v1', 'a.io/x']],
  ] as const) {
    it(`plans ${title}`, () => assert.deepEqual(plan(roots, destination), expected));
  }

  for (const [title, roots, destination, message] of [
    ['two artifacts of one name', [nginx, other], 'a.io/x', /two artifacts for a\.io\/x:1\.27/],
    ['two of one name below a registry', [nginx, other], 'a.io/', /two artifacts for a\.io\/acme\/nginx:1\.27/],
    ['a tag for several', [nginx, redis], 'a.io/x:1', /has 2 artifacts, and only one can have the tag 1: ghcr\.io/],
    ['an artifact without a name below a prefix', [nameless], 'a.io/m/', /does not specify a repository for v1/],
    ['an artifact without a name to its own name', [untagged], undefined, /does not specify a repository for sha256:/],
    ['an invalid tag', [root('x', [], ['a b'])], 'a.io/x', /invalid tag "a b" in x\.tar/],
    ['a reserved tag', [root('x', [`a.io/x:sha256-${'0'.repeat(64)}.sig`])], undefined, /reserved tag/],
    ['a prefix with a tag', [nginx], 'a.io/x:1/', /invalid|slash/],
    [
      'a name that gets too long',
      [root('x', [`a.io/${'x'.repeat(200)}:1`])],
      `a.io/${'y'.repeat(100)}/`,
      /invalid repository/,
    ],
  ] as const) {
    it(`refuses ${title}`, () => {
      assert.throws(() => plan(roots, destination), { kind: 'InvalidInput', message });
    });
  }

  it('refuses an archive without the artifact', () => {
    assert.throws(() => plan([], 'a.io/x'), { kind: 'NotFound', message: /x\.tar has no artifact/ });
    assert.throws(() => plan([nginx], `a.io/x@${redis.descriptor.digest}`), {
      kind: 'NotFound',
      hint: /It has ghcr\.io\/acme\/nginx:1\.27/,
    });
  });
});
