import { FairleadError } from '#lib/errors';
import { quote } from '#lib/text/quote';
import { cilPosition } from './cil-tokens.ts';
import { type CilList, type CilNode, cilTree } from './cil-tree.ts';
import { type PolicyStatement, SELF } from './model.ts';
import { blockNameProblem, type NameProblem, plainNameProblem, typeNameProblem } from './names.ts';

/** The length is that of SPO's CRD. No statement that is accepted nests deeper than three. */
const limits = { length: 500_000, depth: 8, nodes: 200_000 };

/**
 * Frequent statements of CIL, and why they are not accepted; any other is refused without a reason.
 */
const refused: ReadonlyMap<string, string> = new Map([
  ['in', 'it adds to the block of another profile'],
  ['block', 'the profile is already a block'],
  ['blockabstract', 'templates belong to the node'],
  ['optional', 'a rule that may silently be missing is not what was reviewed'],
  ['macro', 'macros belong to the node'],
  ['call', 'what a macro does depends on the node'],
  ['typealias', 'an alias could stand for the type of another profile'],
  ['typealiasactual', 'an alias could stand for the type of another profile'],
  ['typeattribute', 'an attribute could gather the types of others'],
  ['typebounds', 'it could take rights from the type of another profile'],
  ['typetransition', 'it could change the label of what others made, or the domain'],
  ['typepermissive', 'it would switch SELinux off for a type'],
  ['allowx', 'extended permissions are not supported'],
  ['neverallow', 'it could keep the policy of the node from loading'],
  ['boolean', 'switches belong to the node'],
  ['booleanif', 'the rules would depend on a switch of the node'],
  ['tunableif', 'the rules would depend on a switch of the node'],
  ['filecon', 'it would label files of the node'],
  ['roleattributeset', 'it could give roles to others'],
  ['userrole', 'it could give roles to others'],
]);

/**
 * Reads the CIL of a raw profile. Accepted is what a container's policy needs and no statement can
 * use to reach outside of the profile's own block:
 *
 *     (blockinherit BLOCK)                        stand on a policy of the node; it declares
 * `process`
 *     (allow process TARGET (CLASS (PERMISSION…)))     and dontaudit; the source is always the
 * profile's process
 *     (type own_NAME)                             a type for files of the profile
 *     (typeattributeset ATTRIBUTE (TYPE…))        of own types only, which no expression can widen
 *     (roletype object_r own_NAME)                of own types only
 *
 * Names are looked up in the profile's block first, also those in the rules that it inherits. Were
 * a profile to declare `proc_t`, the template's rules for the node's proc_t would speak of another
 * type, and a membership that confines the process could be lost. Hence the prefix, which no policy
 * of a node uses.
 *
 * Which blocks and attributes, and which targets, is the administrator's word: see validate.ts.
 *
 * @param source how messages call the text.
 * @throws FairleadError ProfileInvalid with `source:line:column`; LimitExceeded.
 */
export function parsePolicy(text: string, source: string): readonly PolicyStatement[] {
  const lists = cilTree(text, source, limits);
  const parser = new PolicyParser(text, source);
  for (const list of lists) parser.declare(list);
  const statements = lists.map((list) => parser.statement(list));
  if (!statements.some(({ statement }) => statement === 'blockinherit')) {
    throw new FairleadError('ProfileInvalid', `${source}: the policy inherits from no block, so it has no process`, {
      hint: 'Begin the policy with (blockinherit container).',
    });
  }
  return statements;
}

class PolicyParser {
  readonly #text: string;
  readonly #source: string;
  /**
   * The types that the policy declares: a statement may stand before the declaration of what it
   * names.
   */
  readonly #declared = new Set<string>();
  readonly #inherited = new Set<string>();

  constructor(text: string, source: string) {
    this.#text = text;
    this.#source = source;
  }

  declare(list: CilList): void {
    const [keyword, name] = list.items;
    if (keyword?.type !== 'symbol' || keyword.text !== 'type' || name === undefined) return;
    const type = this.#plainName(name, 'type');
    if (!type.startsWith(ownPrefix)) {
      const hint = type === 'process' ? inheritHint : `Call it ${ownPrefix}${type}.`;
      this.#fail(
        name,
        `the name of a type of a profile must begin with "${ownPrefix}", unlike ${quote(type, 64)}`,
        hint,
      );
    }
    if (this.#declared.has(type)) this.#fail(name, `the type ${type} is declared twice`);
    this.#declared.add(type);
  }

  statement(list: CilList): PolicyStatement {
    const keyword = list.items[0];
    if (keyword === undefined) return this.#fail(list, 'an empty statement');
    if (keyword.type !== 'symbol') return this.#fail(keyword, 'a statement begins with its name');
    switch (keyword.text) {
      case 'blockinherit': {
        const [block] = this.#arguments(list, ['BLOCK']);
        const name = this.#name(block, 'block', blockNameProblem);
        if (this.#inherited.has(name)) this.#fail(list, `inherits from ${name} a second time`);
        this.#inherited.add(name);
        return { statement: 'blockinherit', block: name };
      }
      case 'allow':
      case 'dontaudit':
        return this.#rule(keyword.text, list);
      case 'type': {
        const [type] = this.#arguments(list, ['own_NAME']);
        return { statement: 'type', type: this.#plainName(type, 'type') };
      }
      case 'typeattributeset': {
        const [attribute, types] = this.#arguments(list, ['ATTRIBUTE', '(TYPE…)']);
        const members = this.#list(types, 'the types').map((node) => this.#ownType(node, true));
        return { statement: 'typeattributeset', attribute: this.#plainName(attribute, 'attribute'), types: members };
      }
      case 'roletype': {
        const [role, type] = this.#arguments(list, ['object_r', 'own_NAME']);
        if (this.#symbol(role) !== 'object_r') {
          this.#fail(role, 'only the role object_r, that of files, is accepted', inheritHint);
        }
        return { statement: 'roletype', role: 'object_r', type: this.#ownType(type, false) };
      }
      default: {
        const why = refused.get(keyword.text);
        const because = why === undefined ? '' : `: ${why}`;
        return this.#fail(keyword, `the statement ${quote(keyword.text, 64)} is not accepted${because}`);
      }
    }
  }

  #rule(statement: 'allow' | 'dontaudit', list: CilList): PolicyStatement {
    const [source, target, classPermissions] = this.#arguments(list, ['process', 'TARGET', '(CLASS (PERMISSION…))']);
    if (this.#symbol(source) !== 'process') {
      this.#fail(
        source,
        `the source of a rule is "process", the profile's own; ${quote(this.#symbol(source), 64)} is not`,
      );
    }
    const parts = this.#list(classPermissions, 'the class with its permissions');
    const [objectClass, permissions] = parts;
    if (objectClass === undefined || permissions === undefined || parts.length !== 2) {
      return this.#fail(classPermissions, 'expected (CLASS (PERMISSION…))');
    }
    return {
      statement,
      target: this.#target(target),
      class: this.#plainName(objectClass, 'class'),
      permissions: this.#list(permissions, 'the permissions').map((node) => this.#plainName(node, 'permission')),
    };
  }

  #target(node: CilNode): string {
    const text = this.#symbol(node);
    if (text === 'self' || text === 'process') return SELF;
    // No policy of a node has such a type: the compiler would refuse the rule, on every node.
    if (text.startsWith(ownPrefix)) return this.#ownType(node, false);
    const wrong = typeNameProblem(text);
    return wrong === undefined ? text : this.#fail(node, `the type ${quote(text, 64)} ${wrong}`);
  }

  #ownType(node: CilNode, processToo: boolean): string {
    const text = this.#symbol(node);
    if (processToo && text === 'process') return SELF;
    if (this.#declared.has(text)) return text;
    return this.#fail(node, `${quote(text, 64)} is not a type of this profile`, `Declare it: (type ${ownPrefix}NAME).`);
  }

  #plainName(node: CilNode, what: string): string {
    return this.#name(node, what, plainNameProblem);
  }

  #name(node: CilNode, what: string, problem: (name: string) => NameProblem): string {
    const text = this.#symbol(node);
    const wrong = problem(text);
    return wrong === undefined ? text : this.#fail(node, `the ${what} ${quote(text, 64)} ${wrong}`);
  }

  #symbol(node: CilNode): string {
    if (node.type === 'symbol') return node.text;
    return this.#fail(
      node,
      node.type === 'string' ? 'a name must be written without quotes' : 'expected a name, found a list',
    );
  }

  #list(node: CilNode, what: string): readonly CilNode[] {
    if (node.type !== 'list') return this.#fail(node, `${what} must be in parentheses`);
    if (node.items.length === 0) return this.#fail(node, `${what} are missing`);
    return node.items;
  }

  /** What follows the keyword, exactly as many as `names`. */
  #arguments<const Names extends readonly string[]>(
    list: CilList,
    names: Names,
  ): { readonly [Index in keyof Names]: CilNode };
  #arguments(list: CilList, names: readonly string[]): readonly CilNode[] {
    const found = list.items.slice(1);
    if (found.length === names.length) return found;
    const keyword = list.items[0];
    const word = keyword?.type === 'symbol' ? keyword.text : '';
    return this.#fail(list, `expected (${[word, ...names].join(' ')})`);
  }

  #fail(node: CilNode, what: string, hint = statementsHint): never {
    throw new FairleadError('ProfileInvalid', `${cilPosition(this.#text, this.#source, node.at)}: ${what}`, { hint });
  }
}

/** No type, attribute, class, role or boolean of the reference policy begins with it. */
const ownPrefix = 'own_';

const inheritHint = 'The domain is made by a policy of the node: (blockinherit container).';
const statementsHint =
  'Accepted are blockinherit, allow and dontaudit of "process", type, typeattributeset and roletype of own types.';
