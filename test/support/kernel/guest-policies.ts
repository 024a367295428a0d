import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { peer } from '../../peers/peer.ts';
import type { Vm } from '../../peers/vm.ts';

/**
 * What the kernel did with an operation: `done`, `denied` (EPERM, EACCES), or what else came of it.
 */
export type Outcome = 'done' | 'denied' | `errno ${number}` | `signal ${number}`;

/** An event of AppArmor in the kernel's log. */
export interface AppArmorEvent {
  readonly decision: 'ALLOWED' | 'DENIED' | 'AUDIT';
  /** `operation`, `profile`, `name`, `capname`, `requested_mask` and others. */
  readonly fields: Readonly<Record<string, string>>;
}

/**
 * What came of the operations of one run, each under its text, and all that AppArmor logged
 * meanwhile.
 */
export interface Attempt {
  readonly outcomes: Readonly<Record<string, Outcome>>;
  readonly events: readonly AppArmorEvent[];
}

/**
 * AppArmor policies in the kernel of a virtual machine, and a program that tries operations under
 * them.
 */
export class GuestPolicies {
  readonly #vm: Vm;
  /** Process ids, by the name that operations have for them. */
  readonly #processes: Readonly<Record<string, string>>;

  /**
   * Loads policies, by name. They are compiled here, where that takes no time, by what nodes
   * compile them with and for the features of the guest's kernel. Operations may name the processes
   * `unconfined`, `other`, which is under the given policy, and `confined`, which is under the same
   * one as who tries.
   */
  static async load(vm: Vm, policies: ReadonlyMap<string, string>, other: string): Promise<GuestPolicies> {
    await vm.output('cp -r /sys/kernel/security/apparmor/features /job/features');
    const features = path.join(vm.job, 'features');
    const [texts, compiled] = ['texts', 'compiled'].map((name) => path.join(vm.job, name)) as [string, string];
    mkdirSync(texts);
    mkdirSync(compiled);
    for (const [name, text] of policies) {
      writeFileSync(path.join(texts, name), text);
      const output = ['--skip-kernel-load', '--skip-cache', '--ofile', path.join(compiled, name)];
      execFileSync(peer('apparmor_parser'), [...output, '--features-file', features, path.join(texts, name)]);
    }
    const source = fileURLToPath(new URL('./apparmor-probe.c', import.meta.url));
    const options = ['-O1', '-Wall', '-Werror', '-Wno-unused-result', '-static'];
    execFileSync(peer('cc'), [...options, '-o', path.join(vm.job, 'apparmor-probe'), source]);
    await vm.output('apparmor_parser --replace --binary /job/compiled/*');
    await vm.output('cp /job/apparmor-probe /tmp');
    const start = async (command: string): Promise<string> =>
      (await vm.output(`${command} sleep 100000 >&- 2>&- & echo $!`)).trim();
    const processes = { unconfined: await start(''), other: await start(`aa-exec --profile ${other} --`) };
    return new GuestPolicies(vm, processes);
  }

  private constructor(vm: Vm, processes: Readonly<Record<string, string>>) {
    this.#vm = vm;
    this.#processes = processes;
  }

  /**
   * Tries operations (of apparmor-probe.c) under policies: of each one after the other, in a mount
   * namespace of their own.
   */
  async attempt(operations: ReadonlyMap<string, readonly string[]>): Promise<ReadonlyMap<string, Attempt>> {
    const scripts = [...operations].map(([policy, texts]) => {
      const lines = texts.map((text) => text.replace(/(?<= )\w+$/, (word) => this.#processes[word] ?? word));
      return `unshare --mount /tmp/apparmor-probe ${policy} <<'END'\n${lines.join('\n')}\nEND`;
    });
    const numbers = await this.#vm.output(['set -e', 'dmesg --clear', ...scripts].join('\n'));
    const events = appArmorEvents(await this.#vm.output('dmesg --notime'));
    const answers = numbers.trimEnd().split('\n').map(Number).values();
    const attempts = [...operations].map(([policy, texts]): [string, Attempt] => {
      const outcomes = texts.map((text) => [text, outcomeOf(answers.next().value)] as const);
      return [policy, { outcomes: Object.fromEntries(outcomes), events: events.filter(isOf(policy)) }];
    });
    return new Map(attempts);
  }
}

/** Whether an event is of a policy, or of one that the kernel made beside it in complain mode. */
function isOf(policy: string): (event: AppArmorEvent) => boolean {
  return ({ fields }) => fields['profile']?.split('//')[0] === policy;
}

function outcomeOf(number: number | undefined): Outcome {
  if (number === undefined) throw new Error('the probe gave fewer answers than it was asked');
  if (number === 0) return 'done';
  if (number === 1 || number === 13) return 'denied';
  return number > 1000 ? `signal ${number - 1000}` : `errno ${number}`;
}

/** Returns the events of AppArmor in the text of the kernel's log. */
export function appArmorEvents(log: string): readonly AppArmorEvent[] {
  return log.split('\n').flatMap((line) => {
    const [, decision, rest = ''] = /apparmor="(ALLOWED|DENIED|AUDIT)" (.*)/.exec(line) ?? [];
    if (decision === undefined) return [];
    const fields = [...rest.matchAll(/(\w+)=(?:"([^"]*)"|(\S+))/g)];
    return [
      {
        decision: decision as AppArmorEvent['decision'],
        fields: Object.fromEntries(fields.map(([, name, quoted, plain]) => [name, quoted ?? plain])),
      },
    ];
  });
}
