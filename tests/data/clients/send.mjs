// Sends files with tus-js-client, unchanged. Arguments: a JSON object
// { endpoint, token, mode: "whole" | "pause" | "parallel", photos: [{ file, metadata }] }.
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const asked = JSON.parse(process.argv[2])
const tus = createRequire(join(asked.modules, 'package.json'))('tus-js-client')

function upload (photo, options = {}) {
  return new Promise((resolve, reject) => {
    const bytes = readFileSync(photo.file)
    const upload = new tus.Upload(bytes, {
      endpoint: asked.endpoint,
      headers: { authorization: `Bearer ${asked.token}` },
      metadata: photo.metadata,
      chunkSize: 16 * 1024,
      retryDelays: [0, 50, 100, 200, 200, 200, 400, 400, 800, 800, 1000, 1000, 1000, 1000],
      onError: reject,
      onSuccess: () => resolve(upload),
      ...options(() => upload, resolve)
    })
    upload.start()
  })
}

const whole = () => ({})
// Stops in the middle, then another object goes on at the same address.
const paused = (self, done) => ({
  onChunkComplete: (_size, accepted, total) => {
    if (accepted < total && accepted > total / 3) self().abort().then(() => done(self()))
  }
})

for (const photo of asked.mode === 'parallel' ? [] : asked.photos) {
  if (asked.mode === 'pause') {
    const first = await upload(photo, paused)
    await upload(photo, () => ({ uploadUrl: first.url }))
  } else {
    await upload(photo, whole)
  }
}
if (asked.mode === 'parallel') await Promise.all(asked.photos.map(photo => upload(photo, whole)))
console.log('done')
