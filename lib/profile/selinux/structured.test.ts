import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RawSelinuxProfile } from './model.ts';
import { parsePolicy } from './parse-policy.ts';
import { renderCil } from './render-cil.ts';
import { structured } from './structured.ts';

const raw = (text: string): RawSelinuxProfile => {
  return { kind: 'RawSELinux', name: 'app', policy: parsePolicy(text, 'policy') };
};

describe('structured', () => {
  it('turns a raw policy of rules into the profile that says the same', () => {
    const text =
      '(blockinherit net_container) (blockinherit container) (allow process var_log_t (file (write open)))' +
      '(allow process self (process (fork))) (allow process app.process (fd (use))) (dontaudit process x_t (file (read)))';
    assert.equal(
      renderCil(structured(raw(text))),
      [
        '(block app',
        '    (blockinherit container)',
        '    (blockinherit net_container)',
        '    (allow process process (fd (use)))',
        '    (allow process process (process (fork)))',
        '    (allow process var_log_t (file (open write)))',
        ')',
        '',
      ].join('\n'),
    );
  });

  it('refuses what has no place in one, and says what', () => {
    const refused: readonly (readonly [string, RegExp])[] = [
      [
        '(blockinherit container) (type own_a)',
        /raw SELinux profile app cannot be merged: it has a type of its own, own_a/,
      ],
      [
        '(blockinherit container) (typeattributeset sandbox_net_domain (process))',
        /it gives types the attribute sandbox_net_domain/,
      ],
      ['(blockinherit net_container)', /it does not inherit from container/],
    ];
    for (const [text, message] of refused)
      assert.throws(() => structured(raw(text)), { kind: 'InvalidInput', message });
  });
});
