import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { arbitraryProfile, cornerCalls } from '#test/oracle/seccomp-arbitrary';
import { evaluate, rank } from '#test/oracle/seccomp-evaluate';
import type { Direction } from '../change.ts';
import { isLoosened, renderDiffMarkdown, renderDiffText } from '../render-diff.ts';
import { diffSeccomp, equalsSeccomp } from './diff.ts';
import type { SeccompProfile, SeccompRule } from './model.ts';
import { minimize } from './write/minimize.ts';

const native = 'SCMP_ARCH_X86_64';
const names = ['read', 'socket'];
const both = [native, 'SCMP_ARCH_X86'];
const shapes = [
  { names, architectures: [both], wide: false, rules: 3 },
  { names, architectures: [[native], both, []], wide: true, rules: 3 },
];
const numbers = fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }));

describe('diffProfiles', () => {
  it('tells of every call that is treated differently, and in which direction', () => {
    for (const shape of shapes) {
      const property = fc.property(arbitraryProfile(shape), arbitraryProfile(shape), numbers, (from, to, random) => {
        const { changes } = diffSeccomp(from, to, native);
        for (const call of cornerCalls([from, to], [...names, 'other'], both, 60, () => random.next().value)) {
          const [before, after] = [evaluate(from, call), evaluate(to, call)];
          if (before === after) continue;
          const subjects = [call.syscall, 'defaultAction', 'architectures'];
          const step = rank(after) - rank(before);
          const direction: Direction = step < 0 ? 'loosened' : step > 0 ? 'tightened' : 'changed';
          const told = changes.some(
            (change) =>
              subjects.includes(change.subject) &&
              (change.direction === direction || change.where === 'too many conditions to compare'),
          );
          assert.ok(told, `${before} -> ${after} at ${call.syscall}(${String(call.args)}), ${call.architecture}`);
        }
      });
      fc.assert(property, { numRuns: 200 });
    }
  });

  it('tells of what is loosened on 64-bit machines only, or on 32-bit ones', () => {
    const high = { index: 0, value: 0x2_0000_0000n, valueTwo: 0n, op: 'SCMP_CMP_MASKED_EQ' } as const;
    const one = { index: 0, value: 1n, op: 'SCMP_CMP_EQ' } as const;
    // Where numbers are cut, the first entry has no condition left and decides alone.
    const entries = [
      { names: ['read'], action: 'SCMP_ACT_KILL_THREAD', args: [high, one] },
      { names: ['read'], action: 'SCMP_ACT_ALLOW' },
    ] as const;
    const loose: SeccompProfile = { defaultAction: 'SCMP_ACT_KILL_PROCESS', architectures: both, syscalls: entries };
    const [entry] = entries;
    const tight: SeccompProfile = { ...loose, syscalls: [{ names: entry.names, action: entry.action }] };
    const directions = (from: SeccompProfile, to: SeccompProfile) =>
      diffSeccomp(from, to, native).changes.map(({ direction }) => direction);
    assert.deepEqual(directions(tight, loose), ['loosened']);
    assert.deepEqual(directions(loose, tight), ['tightened']);
    const allowed: SeccompProfile = { ...loose, syscalls: [{ names: ['read'], action: 'SCMP_ACT_ALLOW' }] };
    assert.deepEqual(directions(loose, allowed), ['loosened'], 'on 32-bit machines');
  });

  it('finds nothing between two writings of one meaning', () => {
    // Some generated profiles have more conditions than can be taken apart.
    let tooMany = 0;
    for (const shape of shapes) {
      const property = fc.property(arbitraryProfile(shape), (profile) => {
        const minimal = minimize(profile, native);
        const { changes } = diffSeccomp(profile, minimal, native);
        // Of some conditions it is not sure how libseccomp loads them: what else differs for such a
        // call may be due to that.
        const unsure = new Set(
          changes.filter(({ where = '' }) => /libseccomp|overlap/.test(where)).map(({ subject }) => subject),
        );
        const written = changes.filter(({ subject }) => !unsure.has(subject));
        const told = written.filter(({ where }) => where !== 'too many conditions to compare');
        tooMany += written.length - told.length;
        assert.deepEqual(told, []);
        assert.ok(equalsSeccomp(minimal, profile, native) || changes.length > 0);
        assert.deepEqual(minimize(minimal, native), minimal);
        const entries = ({ syscalls = [] }: SeccompProfile) =>
          syscalls.reduce((sum, { names: list }) => sum + list.length, 0);
        assert.ok(entries(minimal) <= entries(profile) + 2 * shape.rules, 'not longer');
      });
      fc.assert(property, { numRuns: 200 });
    }
    assert.ok(tooMany <= 4, `${tooMany} of 400 were not compared`);
  });

  it('finds nothing between two writings that differ in what never counts, for any number of conditions', () => {
    const masked = { index: 0, value: 0x39b90dn, valueTwo: 0x28b905n, op: 'SCMP_CMP_MASKED_EQ' } as const;
    const two = { index: 0, value: 2n, op: 'SCMP_CMP_EQ' } as const;
    const rules = [
      { names: ['read'], action: 'SCMP_ACT_NOTIFY', args: [masked] },
      { names: ['read'], action: 'SCMP_ACT_ALLOW', args: [two] },
    ] as const;
    const once: SeccompProfile = { defaultAction: 'SCMP_ACT_KILL_PROCESS', architectures: [native], syscalls: rules };
    const twice = {
      ...once,
      syscalls: [...rules, { names: ['read'], action: 'SCMP_ACT_ALLOW', args: [two] }],
    } as const;
    assert.deepEqual(diffSeccomp(once, twice, native).changes, []);
  });

  const before: SeccompProfile = {
    defaultAction: 'SCMP_ACT_ERRNO',
    architectures: [native],
    flags: [],
    syscalls: [
      { names: ['read', 'mount'], action: 'SCMP_ACT_ALLOW' },
      { names: ['socket'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value: 2n, op: 'SCMP_CMP_EQ' }] },
      { names: ['ioctl'], action: 'SCMP_ACT_ALLOW', args: [{ index: 1, value: 4n, op: 'SCMP_CMP_LT' }] },
      { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 },
    ],
  };
  const after: SeccompProfile = {
    defaultAction: 'SCMP_ACT_ERRNO',
    architectures: both,
    flags: ['SECCOMP_FILTER_FLAG_SPEC_ALLOW'],
    syscalls: [
      { names: ['read'], action: 'SCMP_ACT_ALLOW' },
      { names: ['socket'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value: 40n, op: 'SCMP_CMP_NE' }] },
      { names: ['ioctl'], action: 'SCMP_ACT_ALLOW', args: [{ index: 1, value: 3n, op: 'SCMP_CMP_LE' }] },
    ],
  };

  it('says it in text, and as Markdown that content of profiles cannot break', () => {
    const diff = diffSeccomp(before, after, native);
    assert.equal(isLoosened(diff), true);
    assert.equal(
      renderDiffText(diff),
      `Loosened:
  calls are killed -> SCMP_ARCH_X86
    architectures
  not set -> SECCOMP_FILTER_FLAG_SPEC_ALLOW
    flags
  SCMP_ACT_ERRNO(1) -> SCMP_ACT_ALLOW where arg0 <= 1 or 3 <= arg0 <= 39 or arg0 >= 41
    socket
Tightened:
  SCMP_ACT_ALLOW -> SCMP_ACT_ERRNO(1)
    mount
Changed:
  SCMP_ACT_ERRNO(38) -> SCMP_ACT_ERRNO(1)
    clone3
Written differently, same meaning: ioctl
`,
    );
    const forged = 'x\nNo difference in meaning.\u202e\u001b[0m';
    const forging: SeccompProfile = { ...after, syscalls: [{ names: [forged], action: 'SCMP_ACT_ALLOW' }] };
    assert.match(
      renderDiffText(diffSeccomp(after, forging, native)),
      /^Loosened:\n.*\n {4}x\\u\{a\}No difference in meaning\.\\u\{202e\}\\u\{1b\}\[0m\nTightened:\n/,
    );
    assert.match(
      renderDiffMarkdown(diffSeccomp(after, forging, native)),
      /^\| `x No difference in meaning\. {2}\[0m` \|/m,
    );
    const evil: SeccompProfile = { ...after, syscalls: [{ names: ['a|`b`\n'], action: 'SCMP_ACT_ALLOW' }] };
    const markdown = renderDiffMarkdown(diffSeccomp(after, evil, native));
    assert.match(
      markdown,
      /^### Loosened\n\n\| what \| from \| to \| where \|\n\|---\|---\|---\|---\|\n\| `a {2}b {2}` \| `SCMP_ACT_ERRNO\(1\)` \| `SCMP_ACT_ALLOW` \| {2}\|/m,
    );
  });

  it('says that nothing is different', () => {
    const diff = diffSeccomp(before, before, native);
    assert.deepEqual(diff, { changes: [], rewritten: [] });
    assert.equal(renderDiffText(diff), 'No difference in meaning.\n');
    assert.equal(isLoosened(diff), false);
  });

  it('counts architectures where a machine runs their programs beside its own', () => {
    const listing = (...architectures: string[]): SeccompProfile => ({
      defaultAction: 'SCMP_ACT_ERRNO',
      architectures,
    });
    const [alone, guest] = [listing(native), { subject: 'architectures', from: 'calls are killed' }];
    // A runtime that was built for 32-bit ARM filters AARCH64 only if it is listed.
    assert.deepEqual(diffSeccomp(alone, listing(native, 'SCMP_ARCH_AARCH64'), native).changes, [
      {
        ...guest,
        direction: 'loosened',
        to: 'SCMP_ARCH_AARCH64',
        where: 'the machine is of another architecture than its runtime',
      },
    ]);
    assert.ok(equalsSeccomp(alone, listing(), native));
    assert.deepEqual(diffSeccomp(alone, listing('SCMP_ARCH_X86'), native).changes, [
      { ...guest, direction: 'loosened', to: 'SCMP_ARCH_X86' },
    ]);
    assert.deepEqual(diffSeccomp(alone, listing(native, 'SCMP_ARCH_X86'), 'SCMP_ARCH_AARCH64').changes, [
      { ...guest, direction: 'loosened', to: 'SCMP_ARCH_X86', where: 'the machine is amd64' },
    ]);
    const onArm = diffSeccomp(listing('SCMP_ARCH_ARM'), alone, native);
    assert.equal(
      renderDiffText(onArm),
      'Tightened:\n  SCMP_ARCH_ARM -> calls are killed where the machine is arm64\n    architectures\n',
    );
    // Of machines that are not known it cannot be told.
    assert.ok(isLoosened(diffSeccomp(alone, listing('SCMP_ARCH_MIPS'), native)));
  });

  const equal = (index: number, value: bigint) => ({ index, value, op: 'SCMP_CMP_EQ' as const });
  const directionsOf = (from: SeccompProfile, to: SeccompProfile) =>
    diffSeccomp(from, to, native).changes.map(({ subject, direction }) => `${subject} ${direction}`);

  it('takes the laxer reading where entries with different actions overlap', () => {
    const overlapping: SeccompProfile = {
      defaultAction: 'SCMP_ACT_ERRNO',
      syscalls: [
        { names: ['read'], action: 'SCMP_ACT_KILL_PROCESS', args: [equal(0, 0n)] },
        { names: ['read'], action: 'SCMP_ACT_ALLOW', args: [{ index: 1, value: 0n, op: 'SCMP_CMP_GE' }] },
      ],
    };
    const always: SeccompProfile = {
      defaultAction: 'SCMP_ACT_ERRNO',
      syscalls: [
        {
          names: ['read'],
          action: 'SCMP_ACT_KILL_PROCESS',
          args: [{ index: 0, value: 0n, op: 'SCMP_CMP_GE' }],
        },
        { names: ['read'], action: 'SCMP_ACT_ALLOW', args: [{ index: 1, value: 0n, op: 'SCMP_CMP_GE' }] },
      ],
    };
    const denying: SeccompProfile = { defaultAction: 'SCMP_ACT_ERRNO' };
    assert.ok(directionsOf(denying, overlapping).includes('read loosened'));
    assert.ok(directionsOf(denying, always).includes('read loosened'));
    assert.deepEqual(directionsOf(overlapping, overlapping), []);
  });

  it('tells of entries that libseccomp may lose now, whatever else is not sure of them', () => {
    const doubtful: SeccompRule = {
      names: ['prctl'],
      action: 'SCMP_ACT_KILL_PROCESS',
      args: [
        { index: 0, value: 1n, op: 'SCMP_CMP_LT' },
        { index: 0, value: 8n, op: 'SCMP_CMP_NE' },
      ],
    };
    const listing = (...rules: SeccompRule[]): SeccompProfile => ({
      defaultAction: 'SCMP_ACT_ALLOW',
      architectures: ['SCMP_ARCH_RISCV64'],
      syscalls: [...rules, doubtful, { names: ['socketcall'], action: 'SCMP_ACT_ERRNO', args: [equal(1, 0n)] }],
    });
    const sure = listing({ names: ['read'], action: 'SCMP_ACT_LOG' });
    assert.ok(directionsOf(sure, listing()).includes('prctl loosened'));
    assert.deepEqual(directionsOf(sure, sure), []);
  });

  it('tells of calls that 32-bit programs reach through socketcall, where their names do not tell', () => {
    const allowing = (...rules: SeccompRule[]): SeccompProfile => ({
      defaultAction: 'SCMP_ACT_ERRNO',
      architectures: both,
      syscalls: [{ names: ['socket'], action: 'SCMP_ACT_ALLOW' }, ...rules],
    });
    const held = allowing({ names: ['socketcall'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 });
    assert.deepEqual(directionsOf(held, allowing()), ['socketcall changed', 'socketcall(socket) loosened']);
    assert.deepEqual(directionsOf(allowing(), held), ['socketcall changed']);
  });

  it('counts an absent list of flags as SPEC_ALLOW, and an empty one as none', () => {
    const flagged = (flags?: readonly string[]): SeccompProfile => ({
      defaultAction: 'SCMP_ACT_ERRNO',
      ...(flags && { flags }),
    });
    const [log, specAllow] = ['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_SPEC_ALLOW'];
    assert.deepEqual(directionsOf(flagged([log]), flagged()), ['flags changed', 'flags loosened']);
    assert.deepEqual(directionsOf(flagged([]), flagged([specAllow])), ['flags loosened']);
    assert.deepEqual(directionsOf(flagged(), flagged([])), ['flags tightened']);
    assert.deepEqual(directionsOf(flagged(), flagged([specAllow])), []);
  });

  it('counts another listener as loosened, since it decides over calls, and one that is gone as changed', () => {
    const listening = (listenerPath?: string): SeccompProfile => ({
      defaultAction: 'SCMP_ACT_ERRNO',
      ...(listenerPath !== undefined && { listenerPath }),
      syscalls: [{ names: ['mount'], action: 'SCMP_ACT_NOTIFY' }],
    });
    assert.deepEqual(directionsOf(listening('/run/a'), listening('/run/b')), ['listener loosened']);
    assert.deepEqual(directionsOf(listening(), listening('/run/b')), ['listener loosened']);
    assert.deepEqual(directionsOf(listening('/run/a'), listening()), ['listener changed']);
  });

  it('tells that programs of an architecture which is no longer listed lose a thread, not the process', () => {
    const killing = (...architectures: string[]): SeccompProfile => ({
      defaultAction: 'SCMP_ACT_KILL_PROCESS',
      architectures,
    });
    assert.deepEqual(directionsOf(killing(...both), killing(native)), [
      'architectures tightened',
      'architectures loosened',
    ]);
  });

  it('takes what needs too much work to tell for loosened', () => {
    const actions = ['SCMP_ACT_ALLOW', 'SCMP_ACT_LOG', 'SCMP_ACT_KILL_PROCESS'] as const;
    const hostile = (start: number): SeccompProfile => ({
      defaultAction: 'SCMP_ACT_ERRNO',
      syscalls: Array.from({ length: 4_000 }, (_, entry) => ({
        names: [`s${entry % 100}`],
        action: actions[entry % 3] ?? 'SCMP_ACT_LOG',
        args: Array.from({ length: 4 }, (_unused, index) => ({
          index,
          value: BigInt((start + entry) * 7919 * (index + 1)),
          op: (entry + index) % 2 === 0 ? ('SCMP_CMP_GE' as const) : ('SCMP_CMP_NE' as const),
        })),
      })),
    });
    const start = performance.now();
    const { changes } = diffSeccomp(hostile(0), hostile(5), native);
    assert.ok(performance.now() - start < 3_000);
    assert.equal(new Set(changes.map(({ subject }) => subject)).size, 100);
    const undecided = changes.filter(({ where }) => where === 'too many conditions to compare');
    assert.ok(undecided.length > 0 && undecided.every(({ direction }) => direction === 'loosened'));
  });
});
