import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fromBinary, ScalarType } from '@bufbuild/protobuf';
import { nestedTypes } from '@bufbuild/protobuf/reflect';
import { decode } from './decode.ts';
import { LinuxContainerSecurityContextSchema as ContextSchema, file_cri } from './gen/cri_pb.js';

/** A seccomp profile of type OCI, as field 15. */
const oci = [0x7a, 2, 8, 3];
const refused = { kind: 'InvalidInput' };

describe('decode', () => {
  it('refuses a field of another wire type, which Go skips and whose value this decoder takes for a length', () => {
    const hiding = Buffer.from([0x18, oci.length, ...oci]);
    assert.equal(fromBinary(ContextSchema, hiding).seccomp, undefined, 'the decoder does not see the profile');
    assert.throws(() => decode(ContextSchema, hiding), refused);
    assert.throws(() => decode(ContextSchema, Buffer.from([0x12, 1, 1, ...oci])), refused, 'privileged, as bytes');
    assert.throws(() => decode(ContextSchema, Buffer.from([0x7b, 8, 3, 0x7c])), refused, 'seccomp, as a group');
  });

  it('refuses a field that is longer than its message, which Go does not read beyond', () => {
    const longer = Buffer.from([0x7a, 2, 0x12, 3, 0x61, 0x62, 0x63]);
    assert.equal(fromBinary(ContextSchema, longer).seccomp?.localhostRef, 'abc');
    assert.throws(() => decode(ContextSchema, longer), refused);
    assert.throws(() => decode(ContextSchema, Buffer.from([0x7a, 1, 0x08, 3])), refused);
  });

  it('refuses numbers of more than 64 bits, and groups that do not end as they begin', () => {
    const number = (last: number) => Buffer.from([0x10, ...Array(9).fill(0x80), last]);
    assert.equal(decode(ContextSchema, number(1)).privileged, true);
    assert.throws(() => decode(ContextSchema, number(2)), refused);
    const group = (end: number) => Buffer.from([0xa3, 6, 8, 1, ...[end, 6]]);
    assert.equal(decode(ContextSchema, group(0xa4)).$unknown?.length, 1);
    assert.throws(() => decode(ContextSchema, group(0xac)), refused);
    const nested = Buffer.concat([Buffer.alloc(200, 0x0b), Buffer.alloc(200, 0x0c)]);
    assert.throws(() => decode(ContextSchema, Buffer.concat([Buffer.from([0xa3, 6]), nested])), refused);
  });

  it('is for a schema without lists of numbers, which may be packed, and without numbers of a fixed size', () => {
    const { STRING, BYTES, BOOL, INT32, INT64, UINT32, UINT64 } = ScalarType;
    const types = [...nestedTypes(file_cri)].filter((type) => type.kind === 'message');
    const others = types.flatMap(({ fields }) =>
      fields.filter(({ fieldKind, message, scalar }) => {
        if (message !== undefined || scalar === STRING || scalar === BYTES) return false;
        return fieldKind === 'list' || (scalar !== undefined && ![BOOL, INT32, INT64, UINT32, UINT64].includes(scalar));
      }),
    );
    assert.ok(types.length > 10);
    assert.deepEqual(others.map(String), []);
  });

  it('merges a message that comes twice', () => {
    const twice = Buffer.from([...oci, 0x7a, 3, 0x12, 1, 0x61]);
    const { seccomp } = decode(ContextSchema, twice);
    assert.deepEqual([seccomp?.profileType, seccomp?.localhostRef], [3, 'a']);
  });
});
