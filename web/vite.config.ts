import { defineConfig } from "vitest/config";

// The built page is committed: riffkit/server/page/ ships in the wheel, and `make web-check`
// builds it again and compares.
export default defineConfig({
  base: "./",
  build: {
    outDir: "../riffkit/server/page",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: false,
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    rolldownOptions: {
      output: {
        entryFileNames: "assets/page.js",
        chunkFileNames: "assets/[name].js",
        assetFileNames: "assets/[name][extname]",
      },
    },
  },
  server: { proxy: { "/api": "http://127.0.0.1:8300", "/health": "http://127.0.0.1:8300" } },
  test: { include: ["test/**/*.test.ts"] },
});
