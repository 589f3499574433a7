/// Moves the rows of an outbox that kept each trigger in a row of its own into blocks.
enum OutboxUpgrade {
    /// Does nothing where there is no such table. One transaction: it has happened whole or not at all.
    static func moveSingleRows(in database: borrowing Database) throws(DatabaseError) {
        let named = try database.prepare("SELECT count(*) FROM sqlite_master WHERE name = 'single'")
            .firstInteger()
        guard named == 1 else { return }
        try database.begin()
        do {
            try move(database)
            try database.execute("DROP TABLE single")
            try database.commit()
        } catch {
            try database.rollBack(after: error)
        }
    }

    private static func move(_ database: borrowing Database) throws(DatabaseError) {
        let select = try database.prepare(
            "SELECT seq, at, due, type, rule, grp, user, body FROM single ORDER BY seq")
        let statements = try OutboxStatements.prepare(on: database)
        var block = TriggerBlock(first: 0)
        while try select.step() {
            let seq = select.integer(0)
            if block.isEmpty { block = TriggerBlock(first: seq) }
            let (at, due) = (select.integer(1), select.integer(2))
            let type = UInt16(truncatingIfNeeded: select.integer(3))
            let rule = UInt16(truncatingIfNeeded: select.integer(4))
            let group = UInt8(truncatingIfNeeded: select.integer(5))
            try select.withBytes(6) { (user) throws(DatabaseError) in
                try select.withBytes(7) { body in
                    block.append(
                        StoredTrigger(
                            seq: seq, at: at, due: due, type: type, rule: rule, group: group, user: user,
                            body: body))
                }
            }
            if block.isFull {
                try statements.insert(block)
                block = TriggerBlock(first: 0)
            }
        }
        if !block.isEmpty { try statements.insert(block) }
    }
}
