import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import * as v from 'valibot';
import { resources } from '#operator/api/resources';
import { describePeers } from '#test/peers/require';
import { absent, bases, type Constraint, duplicate } from '#test/support/apis/constraint';
import { profileConstraints } from '#test/support/apis/profile-constraints';
import {
  type ApiPeer,
  type ApiServer,
  apiPeers,
  type Document,
  evaluatesCel,
  type ServedVersion,
  serveBoth,
} from '#test/support/apis/served-apis';
import { settingConstraints } from '#test/support/apis/setting-constraints';
import { wordedConstraints } from '#test/support/apis/worded-constraints';

const constraints = [...profileConstraints, ...settingConstraints, ...wordedConstraints];

interface Answered {
  readonly message?: string;
  readonly details?: { readonly causes?: readonly { readonly field?: string; readonly message: string }[] };
}

/** Returns a copy of a document with another value at a path, or without it. */
function changed(document: unknown, path: readonly string[], value: unknown): unknown {
  const [step = '', ...rest] = path;
  if (step === '') return value;
  if (Array.isArray(document))
    return document.map((item, at) => (String(at) === step ? changed(item, rest, value) : item));
  const { [step]: old, ...others } = (document ?? {}) as Document;
  const member = changed(old, rest, value);
  return member === absent ? others : { ...others, [step]: member };
}

type Version = 'v1' | 'older';

function versionsOf({ version }: Constraint): readonly Version[] {
  return version === undefined ? ['v1', 'older'] : [version];
}

function baseOf(kind: string, version: Version): Document {
  const base = bases[kind];
  if (base === undefined) throw new Error(`no object of the kind ${kind}`);
  return base(version);
}

/** Returns an object of a kind that has a value where a constraint is. */
function objectWith({ kind, path }: Pick<Constraint, 'kind' | 'path'>, version: Version, value: unknown): Document {
  return changed(baseOf(kind, version), path.split('.'), value) as Document;
}

function textOf({ kind, path }: Constraint, version: Version, value: unknown): string {
  return `${kind} ${version} ${path}: ${JSON.stringify(value)?.slice(0, 100)}`;
}

function suite(peer: ApiPeer): void {
  let server: ApiServer;
  let hasCel: boolean;
  const served = new Map<string, ServedVersion>();

  before(async () => {
    server = await peer.start();
    hasCel = await evaluatesCel(server.request);
    for (const resource of resources) {
      const [v1, older] = await serveBoth(server.request, resource);
      assert.ok(v1 !== undefined && older !== undefined);
      served.set(`${resource.kind} v1`, v1).set(`${resource.kind} older`, older);
    }
  });
  after(() => server.stop());

  /** Older API servers do not evaluate CEL, and look for duplicates only outside of the status. */
  const isUnknown = ({ cel, path, says }: Constraint) =>
    !hasCel && (cel === true || (path.startsWith('status') && says === duplicate));

  async function attempt({ kind, path }: Constraint, version: Version, value: unknown) {
    const api = served.get(`${kind} ${version}`);
    assert.ok(api !== undefined);
    const object = objectWith({ kind, path }, version, value);
    if (!path.startsWith('status')) return api.create('other', object, { dryRun: true });
    if ((await api.read('sample')).status === 404) await api.create('sample', baseOf(kind, version));
    return api.patchStatus('sample', object['status'], { dryRun: true });
  }

  for (const kind of resources.map((resource) => resource.kind)) {
    it(`${kind}: accepts what is valid, and refuses what is not, naming the field`, async () => {
      for (const constraint of constraints.filter((each) => each.kind === kind)) {
        for (const version of versionsOf(constraint)) {
          for (const value of constraint.good) {
            const { status, body } = await attempt(constraint, version, value);
            assert.ok(status < 300, `${textOf(constraint, version, value)}: ${(body as Answered).message}`);
          }
          for (const value of constraint.bad) {
            const { status, body } = await attempt(constraint, version, value);
            const text = textOf(constraint, version, value);
            if (isUnknown(constraint)) continue;
            assert.equal(status, 422, text);
            if (value === '' && !hasCel) continue; // Debian's build of 1.20 reads an empty string as null.
            const causes = (body as Answered).details?.causes ?? [];
            const names = (field: string) => field.replaceAll(/\[\d+\]|\.\d+(?=\.|$)/g, '');
            const found = causes.filter(
              ({ field = '', message }) =>
                constraint.says.test(message) && names(field).startsWith(names(constraint.path)),
            );
            assert.ok(found.length > 0, `${text}: ${JSON.stringify(causes)}`);
          }
        }
      }
    });
  }
}

for (const peer of apiPeers) {
  describePeers(peer.requirements, `the constraints of the APIs on ${peer.name}`, () => suite(peer));
}

describe('the schemas, without an API server', () => {
  for (const { kind, stored, older } of resources) {
    it(`${kind}: accept and refuse the same, with the same words`, () => {
      const own = constraints.filter((each) => each.kind === kind);
      assert.ok(own.some(({ good }) => good.length > 0) && own.some(({ bad }) => bad.length > 0));
      for (const constraint of own) {
        for (const version of versionsOf(constraint)) {
          const { schema } = version === 'v1' ? stored : older;
          for (const value of constraint.good) {
            const { issues } = v.safeParse(schema, objectWith(constraint, version, value));
            assert.equal(issues?.[0].message, undefined, textOf(constraint, version, value));
          }
          for (const value of constraint.bad) {
            const { issues = [] } = v.safeParse(schema, objectWith(constraint, version, value));
            const messages = issues.map(({ message }) => message);
            assert.ok(messages.length > 0, textOf(constraint, version, value));
            if (constraint.cel) assert.match(messages.join('\n'), constraint.says);
          }
        }
      }
    });
  }
});
