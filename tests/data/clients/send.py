"""Sends files with tuspy, unchanged. Argument: the JSON object of send.mjs."""
import json
import sys
from concurrent.futures import ThreadPoolExecutor

from tusclient import client

asked = json.loads(sys.argv[1])
tus = client.TusClient(asked["endpoint"], headers={"Authorization": "Bearer " + asked["token"]})


def uploader(photo, **options):
    return tus.uploader(
        photo["file"],
        chunk_size=16 * 1024,
        metadata=photo["metadata"],
        retries=20,
        retry_delay=0.2,
        **options,
    )


def send(photo):
    if asked["mode"] == "pause":
        first = uploader(photo)
        first.upload(stop_at=first.get_file_size() // 3)
        # Another object goes on at the same address, from where the server says.
        uploader(photo, url=first.url).upload()
    else:
        uploader(photo).upload()


if asked["mode"] == "parallel":
    with ThreadPoolExecutor(len(asked["photos"])) as threads:
        list(threads.map(send, asked["photos"]))
else:
    for photo in asked["photos"]:
        send(photo)
print("done")
