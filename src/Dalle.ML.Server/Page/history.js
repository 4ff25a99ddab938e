// What this browser has drawn: runs with their settings and pictures, in IndexedDB.

const MAX_PICTURES = 200;
const STORE = 'runs';
const channel = new BroadcastChannel('dalle-ml');
let opening = null;

/** All runs, the newest first. */
export const all = async () => (await ask('readonly', store => store.getAll())).reverse();

/** Adds or replaces a run, which gets an id; the oldest make room. */
export async function save(run) {
  const { id, time, kind, settings, pictures, warnings } = run;
  run.id = await ask('readwrite', store => store.put({ ...(id ? { id } : {}), time, kind, settings, pictures, warnings }));
  const runs = await all();
  let kept = 0;
  for (const old of runs) {
    kept += old.pictures.length;
    if (kept > MAX_PICTURES && old.id !== run.id)
      await ask('readwrite', store => store.delete(old.id));
  }
  channel.postMessage('changed');
}

export async function remove(run) {
  await ask('readwrite', store => store.delete(run.id));
  channel.postMessage('changed');
}

export async function clear() {
  await ask('readwrite', store => store.clear());
  channel.postMessage('changed');
}

/** Calls back when another tab has changed something. */
export const onChange = changed => channel.addEventListener('message', changed);

function open() {
  return opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open('dalle-ml', 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: 'id', autoIncrement: true });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function ask(mode, work) {
  const database = await open();
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(STORE, mode);
    const request = work(transaction.objectStore(STORE));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}
