import Core

/// What a partition hands to a fit of the drivers: a row per user who ever put something into a cart, as
/// decided, in order of first appearance.
package struct DriverColumns: FitColumns {
    /// Events of the six names, whether the main device is not the mobile one, and seconds of long sessions;
    /// shape [8][users].
    package var predictors: [[Double]] = Array(repeating: [], count: 8)
    /// 1 for who ever bought.
    package var converted: [UInt8] = []
    /// 1 for users kept for judging: by a hash of the id.
    package var heldOut: [UInt8] = []
    package var from: Int64 = .max
    package var to: Int64 = .min

    package var rows: Int { converted.count }

    package init() {}

    package mutating func append(_ other: DriverColumns) {
        for index in predictors.indices { predictors[index].append(contentsOf: other.predictors[index]) }
        converted.append(contentsOf: other.converted)
        heldOut.append(contentsOf: other.heldOut)
        from = min(from, other.from)
        to = max(to, other.to)
    }
}

extension Partition {
    private static let driverNames = [
        EventNames.addToCart, EventNames.beginCheckout, EventNames.firstVisit, EventNames.login,
        EventNames.sessionStart, EventNames.signUp,
    ]

    func driverColumns() -> DriverColumns {
        var columns = DriverColumns()
        let undecided = UndecidedUsers(pending)
        for slot in 0..<users.count {
            let user = users[slot]
            guard user.pointee.nameCount > 0, user.pointee.lastDecided != .min else { continue }
            let waiting = undecided[slot]
            let counts = decidedCounts(user, waiting).byName
            guard counts[Int(EventNames.addToCart)] > 0 else { continue }
            for (index, code) in Self.driverNames.enumerated() {
                columns.predictors[index].append(Double(counts[Int(code)]))
            }
            columns.predictors[6].append(isMainlyMobile(user, waiting) ? 0 : 1)
            columns.predictors[7].append(Double(decidedSessions(slot).longTotal) / 1e6)
            columns.converted.append(user.pointee.has(UserRecord.bought) ? 1 : 0)
            columns.heldOut.append(isHeldOut(slot))
            columns.from = min(columns.from, user.pointee.firstSeen)
            columns.to = max(columns.to, user.pointee.lastDecided)
        }
        return columns
    }
}

extension Shard {
    package func driverColumns() -> [(partition: Int, columns: DriverColumns)] {
        columns { $0.driverColumns() }
    }
}
