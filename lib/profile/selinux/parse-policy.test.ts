import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import { parsePolicy } from './parse-policy.ts';

function refusal(text: string): FairleadError {
  try {
    parsePolicy(text, 'policy');
  } catch (error) {
    assert.ok(error instanceof FairleadError, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: `accepted: ${text}` });
}

describe('parsePolicy', () => {
  it('reads every statement that there is', () => {
    const policy = `
      ; what the log agent needs
      (blockinherit container)
      (allow process var_log_t (dir (open read)))
      (allow process self (process (fork)))
      (allow process process (fd (use)))
      (allow process other.process (unix_stream_socket (connectto)))
      (dontaudit process proc_t (file (write)))
      (typeattributeset file_type (own_cache))
      (typeattributeset sandbox_net_domain (process))
      (type own_cache)
      (roletype object_r own_cache)`;
    assert.deepEqual(parsePolicy(policy, 'policy'), [
      { statement: 'blockinherit', block: 'container' },
      { statement: 'allow', target: 'var_log_t', class: 'dir', permissions: ['open', 'read'] },
      { statement: 'allow', target: '@self', class: 'process', permissions: ['fork'] },
      { statement: 'allow', target: '@self', class: 'fd', permissions: ['use'] },
      { statement: 'allow', target: 'other.process', class: 'unix_stream_socket', permissions: ['connectto'] },
      { statement: 'dontaudit', target: 'proc_t', class: 'file', permissions: ['write'] },
      { statement: 'typeattributeset', attribute: 'file_type', types: ['own_cache'] },
      { statement: 'typeattributeset', attribute: 'sandbox_net_domain', types: ['@self'] },
      { statement: 'type', type: 'own_cache' },
      { statement: 'roletype', role: 'object_r', type: 'own_cache' },
    ]);
  });

  it('needs a policy to stand on', () => {
    assert.match(
      refusal('(allow process var_log_t (dir (open)))').message,
      /^policy: the policy inherits from no block/,
    );
    assert.match(refusal('').message, /inherits from no block/);
  });

  /** Each is one statement after a good first line; what it would do is in the title. */
  const hostile: Record<string, [statement: string, message: RegExp]> = {
    'rights for another domain': ['(allow init_t shadow_t (file (write)))', /source of a rule is "process".*"init_t"/],
    'rights for all domains': ['(allow domain shadow_t (file (write)))', /"domain" is not/],
    'rights by a global name': ['(allow .process shadow_t (file (write)))', /"\.process" is not/],
    'rights of another container': ['(allow container.process shadow_t (file (read)))', /"container\.process" is not/],
    'rights for a type of its own': ['(type own_b) (allow own_b shadow_t (file (write)))', /"own_b" is not/],
    'every permission': ['(allow process var_log_t (file (all)))', /"all" is an operator/],
    'every permission but one': ['(allow process var_log_t (file (not read)))', /"not" is an operator/],
    'every permission but one, nested': ['(allow process var_log_t (file (not (read))))', /"not" is an operator/],
    'an expression': ['(allow process var_log_t (file ((all))))', /expected a name, found a list/],
    'everybody else': ['(allow process notself (file (read)))', /"notself" is an operator/],
    'every type': ['(allow process all (file (read)))', /"all" is an operator/],
    'a set of types': ['(allow process (not (a)) (file (read)))', /expected a name, found a list/],
    'a named set of permissions': ['(allow process var_log_t rw_file_perms)', /must be in parentheses/],
    'several classes': ['(allow process var_log_t (file (read)) (dir (read)))', /expected \(allow process TARGET/],
    'no permissions': ['(allow process var_log_t (file ()))', /the permissions are missing/],
    'a quoted word': ['("allow" process var_log_t (file (read)))', /a statement begins with its name/],
    'a quoted name': ['(allow "process" var_log_t (file (read)))', /without quotes/],
    'another block': [
      '(in container (allow process shadow_t (file (write))))',
      /"in" is not accepted: it adds to the block/,
    ],
    'a block within': ['(block process (type x))', /"block" is not accepted/],
    'a template of the node': ['(blockabstract container)', /"blockabstract" is not accepted/],
    'optional rules': ['(optional a (allow process var_log_t (file (read))))', /"optional" is not accepted/],
    'a macro': ['(macro m ((type t)) (allow t t (file (read))))', /"macro" is not accepted/],
    'a call': ['(call unconfined (process))', /"call" is not accepted/],
    'another process': ['(type process)', /begin with "own_", unlike "process"/],
    'a type in place of one that the template speaks of': ['(type proc_t)', /begin with "own_", unlike "proc_t"/],
    'a type in place of an attribute that confines': ['(type mcs_constrained_type)', /begin with "own_"/],
    'the same type twice': ['(type own_a) (type own_a)', /declared twice/],
    'a rule about a type that it does not declare': [
      '(allow process own_a (dir (read)))',
      /"own_a" is not a type of this profile.*/,
    ],
    'an alias that becomes the process': ['(typealias process) (typealiasactual process init_t)', /"typealias" is not/],
    'an attribute of its own': ['(typeattribute process)', /"typeattribute" is not accepted/],
    'an attribute for others': [
      '(typeattributeset unconfined_domain_type (init_t))',
      /"init_t" is not a type of this profile/,
    ],
    'an attribute for all': ['(typeattributeset sandbox_net_domain (all))', /"all" is not a type of this profile/],
    'an attribute by expression': ['(typeattributeset a (not (process)))', /"not" is not a type of this profile/],
    'an attribute by list': ['(typeattributeset a ((process)))', /expected a name, found a list/],
    'an attribute for one type': ['(typeattributeset a process)', /the types must be in parentheses/],
    'an expanded attribute': ['(expandtypeattribute domain true)', /"expandtypeattribute" is not accepted/],
    'bounds on others': ['(typebounds process init_t)', /"typebounds" is not accepted/],
    'permissive others': ['(typepermissive init_t)', /"typepermissive" is not accepted/],
    'a permissive process': ['(typepermissive process)', /"typepermissive" is not accepted/],
    'a way into another domain': ['(typetransition process bin_t process init_t)', /"typetransition" is not accepted/],
    'another label for new files': ['(typechange process tty_t chr_file a)', /"typechange" is not accepted/],
    'roles for others': ['(roletype system_r init_t)', /only the role object_r/],
    'a role for the process': ['(roletype sysadm_r process)', /only the role object_r/],
    'a role for a type of others': ['(roletype object_r shadow_t)', /"shadow_t" is not a type of this profile/],
    'a set of roles': ['(roleattributeset r (all))', /"roleattributeset" is not accepted/],
    'another role transition': ['(roletransition system_r x process sysadm_r)', /"roletransition" is not accepted/],
    'a rule between roles': ['(roleallow system_r sysadm_r)', /"roleallow" is not accepted/],
    users: ['(userrole system_u sysadm_r)', /"userrole" is not accepted/],
    'a default user': ['(selinuxuserdefault a (low low))', /is not accepted/],
    'a policy that cannot load': ['(neverallow process proc_t (file (read)))', /"neverallow" is not accepted/],
    'an extended rule': ['(allowx process proc_t (ioctl file (range 0 1)))', /"allowx" is not accepted/],
    'a flood of audit events': ['(auditallow process proc_t (file (read)))', /"auditallow" is not accepted/],
    constraints: ['(mlsconstrain (file (read)) (eq l1 l2))', /"mlsconstrain" is not accepted/],
    switches: ['(boolean selinuxuser_execmod true)', /"boolean" is not accepted/],
    conditions: ['(booleanif a (true (allow process b (file (read)))))', /"booleanif" is not accepted/],
    tunables: ['(tunableif a (true (allow process b (file (read)))))', /"tunableif" is not accepted/],
    'labels of files': ['(filecon "/etc/shadow" file (u r t ((s0) (s0))))', /"filecon" is not accepted/],
    'labels of ports': ['(portcon tcp 22 (u r t ((s0) (s0))))', /"portcon" is not accepted/],
    'labels of the kernel': ['(sidcontext kernel (u r t ((s0) (s0))))', /"sidcontext" is not accepted/],
    classes: ['(class file (read))', /"class" is not accepted/],
    'a map of classes': ['(classmapping files rw (file (all)))', /"classmapping" is not accepted/],
    'unknown permissions allowed': ['(handleunknown allow)', /"handleunknown" is not accepted/],
    'no levels': ['(mls false)', /"mls" is not accepted/],
    'capabilities of the policy': ['(policycap open_perms)', /"policycap" is not accepted/],
    'another case': ['(ALLOW process var_log_t (file (read)))', /"ALLOW" is not accepted/],
    'a name out of Object.prototype': ['(constructor a)', /"constructor" is not accepted$/],
    'an empty statement': ['()', /an empty statement/],
    'a list for a keyword': ['((allow) process a (file (read)))', /a statement begins with its name/],
    'the end of the block': [') (in container (type x)', /a "\)" without its "\("/],
    'the end of the block in a comment, as SPO was escaped': ['; ((\n))(type global)', /a "\)" without its "\("/],
    'a name of dots': ['(blockinherit a.b)', /the block "a\.b" is not a valid name/],
    'a name that begins with a digit': ['(type 9a)', /the type "9a" is not a valid name/],
    'a second inheritance': ['(blockinherit container)', /inherits from container a second time/],
  };
  for (const [title, [statement, message]] of Object.entries(hostile)) {
    it(`refuses ${title}`, () => {
      const error = refusal(`(blockinherit container)\n${statement}`);
      assert.equal(error.kind, 'ProfileInvalid');
      assert.match(error.message, message);
      assert.match(error.message, /^policy:\d+:\d+: /);
    });
  }

  it('survives many statements', () => {
    const start = performance.now();
    const policy = parsePolicy(`(blockinherit c)(type own_b)${'(roletype object_r own_b)'.repeat(18_000)}`, 'policy');
    assert.equal(policy.length, 18_002);
    assert.ok(performance.now() - start < 2_000);
  });
});
