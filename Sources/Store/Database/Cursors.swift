/// How far each named consumer has acknowledged: `cursors.db`. Owned and called by one queue.
package struct Cursors: ~Copyable {
    let database: Database
    private let select: Statement
    private let upsert: Statement
    let undelivered: UndeliveredStatements

    private static let migrations = Migrations([
        "CREATE TABLE cursors (name TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID",
        UndeliveredStatements.migration,
    ])

    package static func open(path: String) throws(DatabaseError) -> Cursors {
        let database = try Database.open(path: path)
        try migrations.apply(to: database)
        let select = try database.prepare("SELECT seq FROM cursors WHERE name = ?")
        let upsert = try database.prepare(
            """
            INSERT INTO cursors (name, seq) VALUES (?, ?)
            ON CONFLICT (name) DO UPDATE SET seq = excluded.seq WHERE excluded.seq > seq
            """)
        let undelivered = try UndeliveredStatements.prepare(on: database)
        return Cursors(database: database, select: select, upsert: upsert, undelivered: undelivered)
    }

    /// The stored cursor, nil for a name never seen.
    package func cursor(of consumer: String) throws(DatabaseError) -> Int64? {
        try select.bind(1, consumer)
        return try select.firstInteger()
    }

    /// Moves cursors forward, durably, all or none; one that is further already stays.
    package func store(_ moved: [(consumer: String, seq: Int64)]) throws(DatabaseError) {
        guard !moved.isEmpty else { return }
        try database.begin()
        do {
            for (consumer, seq) in moved { try move(consumer, to: seq) }
            try database.commit()
        } catch {
            try database.rollBack(after: error)
        }
    }

    /// Within a transaction.
    func move(_ consumer: String, to seq: Int64) throws(DatabaseError) {
        try upsert.bind(1, consumer)
        try upsert.bind(2, seq)
        try upsert.run()
    }

    package func store(_ seq: Int64, of consumer: String) throws(DatabaseError) {
        try store([(consumer, seq)])
    }
}
