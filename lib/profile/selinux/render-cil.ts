import { FairleadError } from '#lib/errors';
import { quote } from '#lib/text/quote';
import { type PolicyStatement, type RawSelinuxProfile, SELF, type SelinuxProfile } from './model.ts';
import { blockNameProblem, type NameProblem, plainNameProblem, typeNameProblem } from './names.ts';
import { inheritedBlocks, rules } from './rules.ts';

/**
 * Writes a profile as a CIL module: one block of the profile's name, one statement a line, a
 * newline at the end. The same profile always gives the same text. A raw profile is written from
 * its statements, never from its text.
 *
 * The process is called `process`, not `<name>.process`: names are looked up if a block is copied
 * to, so a profile that inherits this one gets the rules for its own process.
 *
 * @param name of the block, if it is not to be the profile's own.
 * @throws FairleadError ProfileInvalid for a profile that inherits from itself, and for a name that
 * would not be one in CIL, wherever the profile came from.
 */
export function renderCil(profile: SelinuxProfile | RawSelinuxProfile, { name = profile.name } = {}): string {
  const block = checked(name, blockNameProblem);
  if (inheritedBlocks(profile).some((parent) => parent.name === block)) {
    throw new FairleadError(
      'ProfileInvalid',
      `the SELinux profile ${block} has the name of a policy that it inherits from`,
      {
        hint: 'Choose another name.',
      },
    );
  }
  const lines = profile.kind === 'SELinux' ? renderRules(profile) : profile.policy.map(renderStatement);
  return [`(block ${block}`, ...lines.map((line) => `    ${line}`), ')', ''].join('\n');
}

function renderRules(profile: SelinuxProfile): string[] {
  const lines = inheritedBlocks(profile).map((inherit) =>
    renderStatement({ statement: 'blockinherit', block: inherit.name }),
  );
  if (profile.mode === 'Permissive') lines.push('(typepermissive process)');
  for (const [target, classes] of rules(profile)) {
    for (const [objectClass, permissions] of classes) {
      lines.push(renderStatement({ statement: 'allow', target, class: objectClass, permissions: [...permissions] }));
    }
  }
  return lines;
}

/** Returns one statement as a line of CIL, as it stands in a raw policy. */
export function renderStatement(statement: PolicyStatement): string {
  switch (statement.statement) {
    case 'blockinherit':
      return `(blockinherit ${checked(statement.block, blockNameProblem)})`;
    case 'allow':
    case 'dontaudit': {
      const permissions = statement.permissions.map(plain).join(' ');
      return `(${statement.statement} process ${type(statement.target)} (${plain(statement.class)} (${permissions})))`;
    }
    case 'type':
      return `(type ${plain(statement.type)})`;
    case 'typeattributeset':
      return `(typeattributeset ${plain(statement.attribute)} (${statement.types.map(type).join(' ')}))`;
    case 'roletype':
      return `(roletype ${statement.role} ${plain(statement.type)})`;
  }
}

function plain(name: string): string {
  return checked(name, plainNameProblem);
}

function type(name: string): string {
  return name === SELF ? 'process' : checked(name, typeNameProblem);
}

/**
 * Returns a name, checked again: the parsers have checked all names, but a profile may also be made
 * by a program, and only the compiler comes after this.
 */
function checked(name: string, problem: (name: string) => NameProblem): string {
  const wrong = problem(name);
  if (wrong === undefined) return name;
  throw new FairleadError('ProfileInvalid', `cannot write ${quote(name, 64)} into CIL: it ${wrong}`);
}
