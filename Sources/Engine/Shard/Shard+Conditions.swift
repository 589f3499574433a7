package import Core

extension Shard {
    /// How many of the users here a condition holds of, looking at everybody as a daily rule does.
    ///
    /// - Throws: where the condition is not understood.
    package func count(where condition: String) throws(RuleTextError) -> (users: Int64, holds: Int64) {
        let program = try ConditionProgram(parsing: condition)
        var counts: (users: Int64, holds: Int64) = (0, 0)
        forEachPartition { partition in
            let prepared = partition.prepared(program)
            let instant = partition.now
            partition.lookAheadOfAll()
            defer { partition.endLookingAhead() }
            for slot in 0..<partition.users.count where partition.users[slot].pointee.nameCount > 0 {
                counts.users += 1
                if partition.holds(prepared, slot, at: instant) { counts.holds += 1 }
            }
        }
        return counts
    }
}
