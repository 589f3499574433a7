/// Brings a database's tables up to what this version expects.
package struct Migrations: Sendable {
    /// `steps[i]` leads from `user_version` i to i + 1.
    private let steps: [String]

    package init(_ steps: [String]) { self.steps = steps }

    /// Runs the missing steps, each in a transaction of its own together with the new version number.
    /// Refuses a database that a newer program has brought up.
    package func apply(to database: borrowing Database) throws(DatabaseError) {
        let found = try database.prepare("PRAGMA user_version").firstInteger() ?? 0
        guard found <= steps.count else {
            throw .newerSchema(path: database.path, found: found, known: Int64(steps.count))
        }
        for version in Int(found)..<steps.count {
            try database.begin()
            do {
                try database.execute(steps[version])
                try database.execute("PRAGMA user_version = \(version + 1)")
                try database.commit()
            } catch {
                try database.rollBack(after: error)
            }
        }
    }
}
