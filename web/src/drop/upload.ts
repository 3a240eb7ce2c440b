// A file to the server, with progress: fetch doesn't tell how much of a body was sent.

import { ApiError, UNREACHED, type Upload } from "../api";

/** `sent` is told the share that was sent, 0 to 1. Rejects with the server's sentence. */
export function upload(file: File, sent: (share: number) => void, signal: AbortSignal): Promise<Upload> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const body = new FormData();
    body.set("file", file, file.name);
    request.open("POST", "api/uploads");
    request.responseType = "json";
    request.upload.onprogress = ({ loaded, total }) => sent(loaded / total);
    request.onload = () => {
      const answer = request.response as (Upload & { error?: string }) | null;
      if (request.status === 201 && answer) resolve(answer);
      else reject(new ApiError(answer?.error ?? `The server answered ${request.status}.`, request.status));
    };
    request.onerror = () => reject(new ApiError(UNREACHED, 0));
    signal.addEventListener("abort", () => request.abort());
    request.send(body);
  });
}
