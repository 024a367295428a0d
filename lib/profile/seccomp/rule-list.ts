import type { EncodedRule, Encoding } from './encode.ts';
import type { SeccompRule } from './model.ts';
import { strictness } from './outcome.ts';

/** Collects rules by what they say, so that syscalls with the same rule share an entry. */
export class RuleList {
  readonly #byText = new Map<string, { names: string[]; readonly rule: EncodedRule }>();
  readonly #keys = new Map<EncodedRule, string>();

  add(name: string, encoding: Encoding): void {
    for (const rule of encoding.rules) {
      let key = this.#keys.get(rule);
      if (key === undefined) {
        key = keyOf(rule);
        this.#keys.set(rule, key);
      }
      const found = this.#byText.get(key);
      if (found === undefined) this.#byText.set(key, { names: [name], rule });
      else if (found.names.at(-1) !== name) found.names.push(name);
    }
  }

  entries(): readonly SeccompRule[] {
    const found = [...this.#byText.values()];
    const plain = found.filter(({ rule }) => rule.args.length === 0);
    const conditional = found.filter(({ rule }) => rule.args.length > 0);
    const inOrder = [...plain.sort((a, b) => strictness(a.rule.outcome) - strictness(b.rule.outcome)), ...conditional];
    return inOrder.map(({ names, rule }) => entryOf(names, rule));
  }
}

function entryOf(names: readonly string[], { args, outcome }: EncodedRule): SeccompRule {
  return {
    names,
    action: outcome.action,
    ...(outcome.errno === undefined ? {} : { errnoRet: outcome.errno }),
    ...(args.length === 0 ? {} : { args }),
  };
}

function keyOf({ args, outcome }: EncodedRule): string {
  const conditions = args.map((arg) => `${arg.index} ${arg.op} ${arg.value} ${arg.valueTwo ?? ''}`);
  return `${outcome.action} ${outcome.errno ?? ''}: ${conditions.join(', ')}`;
}
