import Core

/// A list of users as they were at one journal position, read while the partition goes on: whoever is
/// about to change and has not been read yet is kept as they were.
final class PartitionList {
    /// Users there when the list was opened.
    let limit: Int
    /// Next slot to read.
    var cursor = 0
    /// Users kept, by slot.
    var kept: [Int: UserView] = [:]
    /// When the list was opened.
    let now: Int64
    /// Names of events when the list was opened.
    let names: EventNames
    /// Only members of this segment; nil: all.
    let segment: String?

    init(limit: Int, now: Int64, names: EventNames, segment: String?) {
        self.limit = limit
        self.now = now
        self.names = names
        self.segment = segment
    }
}

extension Partition {
    func openList(names: EventNames, segment: String?) -> PartitionList {
        let list = PartitionList(limit: users.count, now: now, names: names, segment: segment)
        lists.append(list)
        return list
    }

    func closeList(_ list: PartitionList) { lists.removeAll { $0 === list } }

    /// Keeps a user as they are for the lists that have not read them. Called before a change.
    func preserve(_ slot: Int) {
        for list in lists where slot < list.limit && slot >= list.cursor && list.kept[slot] == nil {
            guard users[slot].pointee.nameCount > 0 else { continue }
            list.kept[slot] = view(slot, names: list.names, now: list.now)
        }
    }

    /// Keeps all users whom a change concerns as they are. Called before it.
    func preserveAll(where concerned: (UnsafeMutablePointer<UserRecord>) -> Bool = { _ in true }) {
        if lists.isEmpty { return }
        for slot in 0..<users.count where concerned(users[slot]) { preserve(slot) }
    }

    /// Up to so many of the next users; empty at the end.
    func read(_ list: PartitionList, _ count: Int) -> [UserView] {
        var result: [UserView] = []
        while result.count < count, list.cursor < list.limit {
            let slot = list.cursor
            list.cursor += 1
            if users[slot].pointee.has(UserRecord.erased) { continue }
            let kept = list.kept.removeValue(forKey: slot)
            if kept == nil, let segment = list.segment {
                let number = Int(users[slot].pointee.segment)
                if number == 0 || segments.name(number - 1) != segment { continue }
            }
            let user = kept ?? view(slot, names: list.names, now: list.now)
            if let segment = list.segment, user.segment?.name != segment { continue }
            result.append(user)
        }
        return result
    }
}
