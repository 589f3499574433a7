package import Core

/// Every candidate of every model, adopted or refused, with its figures and bytes: `registry.db`.
/// Owned and called by one queue.
package struct ModelRegistry: ~Copyable {
    /// What a model in use is made of.
    package struct Adopted: Sendable {
        package var view: ModelView
        /// The model itself, in the words of the room that fitted it.
        package var bytes: [UInt8]
        /// Journal record of its adoption.
        package var record: UInt64
    }

    /// Figures as they are stored: JSON text.
    package struct Figures: Equatable, Sendable {
        package var parameters: [UInt8]
        package var metrics: [UInt8]
        package var baseline: [UInt8]
    }

    private let database: Database
    private let upsert: Statement
    private let selectHistory: Statement
    private let selectInUse: Statement
    private let selectFigures: Statement
    private let selectLast: Statement
    private let selectBytes: Statement
    private let prune: Statement
    private let disown: Statement

    private static let migrations = Migrations([
        """
        CREATE TABLE models (
            name TEXT NOT NULL, version INTEGER NOT NULL, adopted INTEGER NOT NULL, reason TEXT NOT NULL,
            fitted INTEGER NOT NULL, seconds REAL NOT NULL, users INTEGER NOT NULL, data_from INTEGER,
            data_to INTEGER, parameters TEXT NOT NULL, metrics TEXT NOT NULL, baseline TEXT NOT NULL,
            record INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (name, version));
        """
    ])

    private static let viewColumns =
        """
        name, version, adopted, reason, fitted, seconds, users, data_from, data_to, parameters, metrics,
        baseline
        """

    package static func open(path: String) throws(DatabaseError) -> ModelRegistry {
        let database = try Database.open(path: path)
        try migrations.apply(to: database)
        let upsert = try database.prepare(
            "INSERT OR REPLACE INTO models VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
        let history = try database.prepare(
            "SELECT \(viewColumns) FROM models WHERE name = ? ORDER BY version DESC")
        let inUse = try database.prepare(
            """
            SELECT \(viewColumns), record, bytes FROM models
            WHERE name = ? AND adopted = 1 ORDER BY version DESC LIMIT 1
            """)
        let figures = try database.prepare(
            "SELECT parameters, metrics, baseline FROM models WHERE name = ? AND version = ?")
        let last = try database.prepare("SELECT max(version) FROM models WHERE name = ?")
        let bytes = try database.prepare(
            "SELECT bytes FROM models WHERE name = ? AND version = ? AND adopted = 1")
        let prune = try database.prepare(
            """
            DELETE FROM models WHERE name = ?1
                AND version <= (SELECT max(version) FROM models WHERE name = ?1) - ?2
                AND version IS NOT (SELECT max(version) FROM models WHERE name = ?1 AND adopted = 1)
                AND version IS NOT ?3
            """)
        let disown = try database.prepare(
            """
            UPDATE models SET adopted = 0, bytes = x'',
                reason = 'never in use: the daemon ended before the adoption was on record'
            WHERE name = ? AND version > ? AND adopted = 1 RETURNING version
            """)
        return ModelRegistry(
            database: database, upsert: upsert, selectHistory: history, selectInUse: inUse,
            selectFigures: figures, selectLast: last, selectBytes: bytes, prune: prune, disown: disown)
    }

    /// Keeps a candidate, durably, and drops versions beyond the newest `keep`, never the one in use.
    ///
    /// The same name and version again replaces the first: on replay with the same contents, and after a
    /// crash before the journal had it, with those of the record that counts.
    /// - Parameters:
    ///   - bytes: the model; empty for a refused candidate that is not to be kept whole.
    ///   - record: journal record of the decision.
    ///   - inUse: the version that is in use until this one's adoption is on record; 0: none.
    package func store(
        _ view: ModelView, bytes: [UInt8], record: UInt64, keep: Int, inUse: Int = 0
    ) throws(DatabaseError) {
        try database.begin()
        do {
            try bind(view)
            try upsert.bind(13, Int64(record))
            try upsert.bind(14, blob: bytes)
            try upsert.run()
            try prune.bind(1, view.name)
            try prune.bind(2, Int64(max(keep, 1)))
            try prune.bind(3, Int64(inUse))
            try prune.run()
            try database.commit()
        } catch {
            try database.rollBack(after: error)
        }
    }

    private func bind(_ view: ModelView) throws(DatabaseError) {
        try upsert.bind(1, view.name)
        try upsert.bind(2, Int64(view.version))
        try upsert.bind(3, Int64(view.adopted ? 1 : 0))
        try upsert.bind(4, view.reason)
        try upsert.bind(5, view.fittedAt.microseconds)
        try upsert.bind(6, view.seconds)
        try upsert.bind(7, view.dataUsers)
        try upsert.bind(8, view.dataFrom?.microseconds)
        try upsert.bind(9, view.dataTo?.microseconds)
        for (index, tree) in [view.parameters, view.metrics, view.baseline].enumerated() {
            var writer = JSONWriter()
            writer.value(tree)
            try upsert.bind(Int32(10 + index), writer.text)
        }
    }

    /// Takes the adoption back of every candidate newer than the last the journal knows.
    ///
    /// - Returns: their versions, ascending.
    package func disown(_ name: String, after version: Int) throws(DatabaseError) -> [Int] {
        try disown.bind(1, name)
        try disown.bind(2, Int64(version))
        defer { disown.reset() }
        var versions: [Int] = []
        while try disown.step() { versions.append(Int(disown.integer(0))) }
        return versions.sorted()
    }

    /// Names of all models, ascending.
    package func names() throws(DatabaseError) -> [String] {
        let select = try database.prepare("SELECT DISTINCT name FROM models ORDER BY name")
        var names: [String] = []
        while try select.step() { names.append(select.text(0)) }
        return names
    }

    /// All kept candidates of a model, newest first.
    package func history(of name: String) throws(DatabaseError) -> [ModelView] {
        try selectHistory.bind(1, name)
        defer { selectHistory.reset() }
        var views: [ModelView] = []
        while try selectHistory.step() { views.append(try view(selectHistory)) }
        return views
    }

    /// The adopted candidate with the highest version, nil before the first adoption.
    package func inUse(_ name: String) throws(DatabaseError) -> Adopted? {
        try selectInUse.bind(1, name)
        defer { selectInUse.reset() }
        guard try selectInUse.step() else { return nil }
        return Adopted(
            view: try view(selectInUse), bytes: selectInUse.bytes(13),
            record: UInt64(selectInUse.integer(12)))
    }

    /// Highest version kept of a model, 0 where there is none.
    package func lastVersion(of name: String) throws(DatabaseError) -> Int {
        try selectLast.bind(1, name)
        return Int(try selectLast.firstInteger() ?? 0)
    }

    /// An adopted candidate itself, nil where the version is not kept or was refused.
    package func bytes(of name: String, version: Int) throws(DatabaseError) -> [UInt8]? {
        try selectBytes.bind(1, name)
        try selectBytes.bind(2, Int64(version))
        defer { selectBytes.reset() }
        guard try selectBytes.step() else { return nil }
        let bytes = selectBytes.bytes(0)
        return bytes.isEmpty ? nil : bytes
    }

    /// A candidate's figures as JSON text, nil where the version is not kept.
    package func figures(of name: String, version: Int) throws(DatabaseError) -> Figures? {
        try selectFigures.bind(1, name)
        try selectFigures.bind(2, Int64(version))
        defer { selectFigures.reset() }
        guard try selectFigures.step() else { return nil }
        return Figures(
            parameters: selectFigures.bytes(0), metrics: selectFigures.bytes(1),
            baseline: selectFigures.bytes(2))
    }

    private func view(_ row: borrowing Statement) throws(DatabaseError) -> ModelView {
        ModelView(
            name: row.text(0), version: Int(row.integer(1)), adopted: row.integer(2) != 0,
            reason: row.text(3), fittedAt: EventTime(microseconds: row.integer(4)),
            seconds: row.double(5), dataUsers: row.integer(6), dataFrom: time(row, 7),
            dataTo: time(row, 8), parameters: try tree(row, 9), metrics: try tree(row, 10),
            baseline: try tree(row, 11))
    }

    private func time(_ row: borrowing Statement, _ column: Int32) -> EventTime? {
        row.isNull(column) ? nil : EventTime(microseconds: row.integer(column))
    }

    private func tree(_ row: borrowing Statement, _ column: Int32) throws(DatabaseError) -> JSONValue {
        do {
            return try JSONReader.parse(row.bytes(column))
        } catch {
            throw .corrupt(path: database.path, message: "figures of \(row.text(0)): \(error)")
        }
    }
}
