// Prisma reaches Postgres by its JavaScript driver, so that its engine is the
// one in WebAssembly that comes with the package and nothing else is loaded.
import { PrismaPg } from '@prisma/adapter-pg'
import { defineConfig } from 'prisma/config'

// The adapter knows no type "name", which the engine asks the catalogue for: it
// is told that it is text.
const NAME = 19
const TEXT = 25
const named = (q: any) => {
  const io = q.performIO.bind(q)
  q.performIO = async (...args: any[]) => {
    const result = await io(...args)
    for (const f of result.fields) if (f.dataTypeID === NAME) f.dataTypeID = TEXT
    return result
  }
  const start = q.startTransaction?.bind(q)
  if (start) q.startTransaction = async (...args: any[]) => named(await start(...args))
  return q
}

export default defineConfig({
  experimental: { adapter: true },
  engine: 'js',
  schema: 'prisma/schema.prisma',
  adapter: async () => {
    const factory: any = new PrismaPg({ connectionString: process.env.DATABASE_URL })
    const connect = factory.connect.bind(factory)
    factory.connect = async () => named(await connect())
    return factory
  },
})
