import assert from 'node:assert/strict';
import { Conversation } from './clients.ts';
import type { CatalogProgram } from './program.ts';

const redis: CatalogProgram = {
  name: 'redis',
  package: 'redis-server',
  workload:
    'commands of each type of value, Lua, expiry, a snapshot, rewritten append-only file and configuration, a replica, `redis-cli`, stop',
  files: ({ port }) => ({
    'redis.conf': `port ${port}
bind 127.0.0.1
unixsocket /tmp/redis.sock
dir /tmp
appendonly yes
appendfsync always
save 1 1
io-threads 2
repl-diskless-sync-delay 0
`,
  }),
  script: ({ port, second }) => `cp /mnt/redis.conf /tmp; chown app:app /tmp/redis.conf
redis-server --port ${second} --dir /run --replicaof 127.0.0.1 ${port} > /dev/null &
exec setpriv --reuid=app --regid=app --init-groups redis-server /tmp/redis.conf`,
  async use(container) {
    const { port, second } = container.site;
    await container.until(
      'it answers',
      () => container.exec(['redis-cli', '-s', '/tmp/redis.sock', 'ping']) === 'PONG\n',
    );
    const redis = await Conversation.open(port);
    await redis.say('SET a 1\r\nINCR a\r\nGET a\r\n', /\+OK\r\n:2\r\n\$1\r\n2\r\n/);
    await redis.say('LPUSH l 1 2\r\nHSET h f v\r\nZADD z 1 m\r\nXADD s * f v\r\nSADD t 1\r\n', /:2\r\n:1\r\n:1\r\n\$/);
    await redis.say("EVAL \"return redis.call('GET','a')\" 0\r\n", /\$1\r\n2/);
    await redis.say('SET gone 1 PX 1\r\nSUBSCRIBE c\r\nUNSUBSCRIBE c\r\n', /unsubscribe/);
    await redis.say('CONFIG SET maxmemory 64mb\r\nCONFIG REWRITE\r\nINFO\r\n', /\+OK\r\n\+OK\r\n[\s\S]*redis_version/);
    await redis.say('FLUSHALL ASYNC\r\nSET a 1\r\nBGREWRITEAOF\r\n', /Background append/);
    const info = () => container.exec(['redis-cli', '-p', `${port}`, 'info', 'persistence']);
    await container.until('the file is rewritten', () =>
      /aof_rewrite_in_progress:0\r\naof_rewrite_scheduled:0/.test(info()),
    );
    // Of large files, it has the kernel write each part at once.
    await redis.say('CONFIG SET rdbcompression no\r\nSETRANGE large 20000000 x\r\n', /\+OK\r\n:20000001\r\n/);
    // It may save at this moment by itself.
    await redis.say('BGSAVE SCHEDULE\r\n', /\+Background saving|-ERR Background save already in progress/);
    await container.until('the snapshot is saved', () =>
      /rdb_bgsave_in_progress:0\r\n[\s\S]*rdb_last_bgsave_status:ok/.test(info()),
    );
    const value = () => container.exec(['redis-cli', '-p', `${second}`, 'get', 'a']);
    await container.until('the replica has the value', () => value() === '1\n');
    container.exec(['redis-cli', '-p', `${second}`, 'shutdown', 'nosave']);
    redis.close();
  },
  more: { sched_setaffinity: '`server_cpulist`', sync_file_range: 'snapshots and append-only files above 4 MB' },
};

const memcached: CatalogProgram = {
  name: 'memcached',
  package: 'memcached',
  workload: 'set, get, increment, delete, statistics, flush, a full cache, stop',
  script: ({ port }) => `exec memcached -u app -l 127.0.0.1 -p ${port} -U 0 -m 8 -t 4 -o modern`,
  async use(container) {
    await container.until('it listens', async () => {
      (await Conversation.open(container.site.port)).close();
      return true;
    });
    const memcached = await Conversation.open(container.site.port);
    await memcached.say('set a 0 0 1\r\n1\r\n', /STORED/);
    await memcached.say('get a\r\n', /VALUE a 0 1\r\n1\r\nEND/);
    await memcached.say('incr a 4\r\ndelete a\r\n', /5\r\nDELETED/);
    await memcached.say('stats\r\n', /END/);
    for (let key = 0; key < 20; key += 1) {
      await memcached.say(`set k${key} 0 1 900000\r\n${'x'.repeat(900_000)}\r\n`, /STORED/);
    }
    await memcached.say('flush_all\r\nversion\r\n', /OK\r\nVERSION/);
    memcached.close();
  },
};

const postgresPrograms = '/usr/lib/postgresql/15/bin';

const postgres: CatalogProgram = {
  name: 'postgres',
  package: 'postgresql-15',
  workload:
    '`initdb`, tables, indexes, a parallel query, a sort on disk, `COPY`, a new database, vacuum, checkpoint, `pg_dump`, reload, fast stop',
  script: ({ port }) => `mkdir -m 700 /var/data; chown app:app /var/data
as='setpriv --reuid=app --regid=app --init-groups'
$as ${postgresPrograms}/initdb -D /var/data -A trust -N > /dev/null
exec $as ${postgresPrograms}/postgres -D /var/data -p ${port} -h 127.0.0.1 -k /tmp`,
  async use(container) {
    const { port } = container.site;
    const target = ['-h', '/tmp', '-p', `${port}`, '-U', 'app'];
    const run = (program: string, ...args: readonly string[]) =>
      container.exec([`${postgresPrograms}/${program}`, ...target, ...args]);
    const query = (...statements: readonly string[]) =>
      run('psql', '-qtAX', '-v', 'ON_ERROR_STOP=1', ...statements.flatMap((sql) => ['-c', sql]), 'postgres');
    await container.until('it answers', () => run('pg_isready').includes('accepting'));
    const result = query(
      'create table numbers as select n, md5(n::text) as text from generate_series(1, 40000) n',
      'create index on numbers (text)',
      "set parallel_setup_cost = 0; set parallel_tuple_cost = 0; set min_parallel_table_scan_size = 0; select count(*) from numbers where text like 'a%'",
      'set work_mem = 64; select count(*) from (select * from numbers order by text desc) sorted',
      "copy numbers to '/tmp/numbers'",
      "copy numbers from '/tmp/numbers'",
      'vacuum full numbers',
      'analyze',
      'create database other',
      'listen channel; notify channel',
      'checkpoint',
      'select pg_switch_wal() is not null',
    );
    assert.match(result, /40000/);
    assert.match(run('pg_dump', '--schema-only', 'postgres'), /CREATE TABLE/);
    query('drop database other', 'drop table numbers', 'select pg_reload_conf()');
    container.signal('SIGHUP');
    await container.until('it reloads', () => container.log().includes('received SIGHUP'));
  },
  stop: 'SIGINT',
  more: { sync_file_range: 'with checkpoint_flush_after, where file systems support it' },
};

const mariadb: CatalogProgram = {
  name: 'mariadb',
  package: 'mariadb-server-core',
  workload:
    '`mariadb-install-db`, tables of InnoDB and Aria, an index, a sort on disk, files read and written, `flush`, stop',
  script: ({ port }) => `mkdir -p /var/data /run/mysqld; chown app:app /var/data /run/mysqld
mariadb-install-db --no-defaults --user=app --datadir=/var/data --skip-test-db
exec mariadbd --no-defaults --user=app --datadir=/var/data --socket=/tmp/mysql.sock --bind-address=127.0.0.1 --port=${port} --log-bin`,
  async use(container) {
    const query = (sql: string) =>
      container.exec(['mariadb', '--no-defaults', '-S', '/tmp/mysql.sock', '-N', '-e', sql]);
    await container.until('it answers', () => query('select 1') === '1\n');
    const statements = [
      'create database d; use d',
      'create table numbers (n int primary key, text char(32)) engine=InnoDB',
      'insert into numbers select seq, md5(seq) from seq_1_to_20000',
      'create index by_text on numbers (text)',
      'create table other engine=Aria select * from numbers',
      'set sort_buffer_size = 32768; select count(*) from (select * from other order by text desc limit 19999) sorted',
      "select * from numbers into outfile '/tmp/numbers'",
      "delete from numbers; load data infile '/tmp/numbers' into table numbers",
      'optimize table numbers',
      'select count(*) from numbers',
      'flush tables; flush logs; show engine innodb status',
      'drop database d',
    ];
    assert.match(query(statements.join('; ')), /^20000$/m);
    container.signal('SIGHUP');
    assert.equal(query('select 2'), '2\n');
  },
  more: { io_setup: 'builds with libaio; those with liburing work without io_uring, which RuntimeDefault denies' },
};

/** Databases and caches. */
export const databases: readonly CatalogProgram[] = [redis, memcached, postgres, mariadb];
