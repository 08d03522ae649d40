/**
 * An index of the rows of each partition: `node --require indexed_tables.js azurite.js`.
 *
 * Azurite looks at each row of a table to answer a query, and at each row of a partition to write one: 100,000 rows take
 * many minutes. With the index, it looks at those that can match. What it stores and answers stays the same, which
 * tests/integration/local_stack/test_indexed_tables.py shows.
 */
"use strict";

const Store = require("azurite/dist/src/table/persistence/LokiTableMetadataStore").default;
const Filters = require("azurite/dist/src/table/persistence/LokiTableStoreQueryGenerator").default;
const parse = require("azurite/dist/src/table/persistence/QueryInterpreter/QueryParser").default;

/** The rows of a collection by partition and row key. */
class Index {
  constructor(collection) {
    this.collection = collection;
    this.build();
    collection.on("insert", (row) => this.set(row, row));
    collection.on("update", (row) => this.set(row, row));
    collection.on("delete", (row) => this.set(row, undefined));
  }

  build() {
    this.partitions = new Map();
    this.size = 0;
    this.collection.data.forEach((row) => this.set(row, row));
  }

  check() {
    if (this.size !== this.collection.data.length) this.build(); // changed without an event
  }

  set({ PartitionKey, RowKey }, row) {
    if (!this.partitions.has(PartitionKey)) this.partitions.set(PartitionKey, { rows: new Map(), keys: [], added: [] });
    const { rows, added } = this.partitions.get(PartitionKey);
    if (!rows.has(RowKey)) added.push(RowKey);
    this.size += Boolean(row) - Boolean(rows.get(RowKey));
    rows.set(RowKey, row); // undefined after a deletion: the key stays
  }

  row(partition, key) {
    this.check();
    return this.partitions.get(partition)?.rows.get(key) ?? null;
  }

  /** Yield the rows with keys from `from` to `to`, of partitions that `has` accepts, and after a row, in their order. */
  *sorted(has, [from, to], [afterPartition, afterRow]) {
    this.check();
    const found = [...this.partitions.keys()].filter((key) => has(key) && !(key < afterPartition)).sort();
    for (const name of found) {
      const partition = this.partitions.get(name);
      if (partition.added.length) partition.keys = partition.keys.concat(partition.added.sort()).sort();
      partition.added = [];
      const { rows, keys } = partition;
      const first = name === afterPartition && afterRow > from ? afterRow : from;
      for (let at = position(keys, first); at < keys.length && !(keys[at] > to); at += 1) {
        const row = rows.get(keys[at]);
        if (row) yield row;
      }
    }
  }
}

/** Return the first position whose key is not below `key`. */
function position(keys, key) {
  let [low, high] = [0, keys.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (keys[middle] < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Return what a filter compares with a key in each of its parts that have to hold: `[operator, text]`. */
function compared(node, key) {
  if (node.name === "and") return [...compared(node.left, key), ...compared(node.right, key)];
  const applies = node.left?.identifier === key && typeof node.right?.value === "string";
  return applies ? [[node.name, node.right.value]] : [];
}

const HOLDS = {
  eq: (key, text) => key === text,
  gt: (key, text) => key > text,
  ge: (key, text) => key >= text,
  lt: (key, text) => key < text,
  le: (key, text) => key <= text,
};
const indexes = new WeakMap();
const { getEntityCollection } = Store.prototype;

Store.prototype.getEntityCollection = function (...named) {
  const collection = getEntityCollection.apply(this, named);
  if (!indexes.has(collection)) {
    const index = new Index(collection);
    indexes.set(collection, index);
    collection.binaryIndices = {}; // of Azurite's own, which nothing asks any more
    collection.findOne = ({ PartitionKey, RowKey }) => index.row(PartitionKey, RowKey);
  }
  return collection;
};

Store.prototype.queryTableEntities = async function (context, account, table, options, nextPartition, nextRow) {
  const index = indexes.get(this.getEntityCollection(account, table, context));
  const matches = Filters.generateQueryForPersistenceLayer(options, context);
  const filter = options.filter ? parse(options.filter) : {};
  const [partitions, rows] = [compared(filter, "PartitionKey"), compared(filter, "RowKey")];
  const has = (key) => partitions.every(([operator, text]) => HOLDS[operator]?.(key, text) ?? true);
  const bounds = (...operators) => rows.filter(([operator]) => operators.includes(operator)).map(([, text]) => text);
  const [from, to] = [bounds("eq", "gt", "ge").sort().pop() ?? "", bounds("eq", "lt", "le").sort()[0]];
  const after = [nextPartition, nextRow].map((header) => this.decodeContinuationHeader(header));
  const most = this.getMaxResultsOption(options);
  const found = [];
  for (const row of index.sorted(has, [from, to], after)) {
    if (matches(row)) found.push(row);
    if (found.length > most) break;
  }
  const next = this.adjustQueryResultforTop(found, most);
  return [found, next.nextPartitionKeyResponse, next.nextRowKeyResponse];
};
