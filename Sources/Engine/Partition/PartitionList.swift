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
    /// The day of now when the list was opened.
    let today: Int32
    /// Names of events when the list was opened.
    let names: EventNames
    /// Only members of this segment; nil: all.
    let segment: String?
    /// By this segmentation; nil: by the first.
    let segmentation: String?

    init(limit: Int, today: Int32, names: EventNames, segment: String?, segmentation: String?) {
        self.limit = limit
        self.today = today
        self.names = names
        self.segment = segment
        self.segmentation = segmentation
    }

    /// Whether it asks for a user.
    func includes(_ user: UserView) -> Bool {
        guard let segment else { return true }
        guard let segmentation else { return user.segment?.name == segment }
        return user.memberships.contains { $0.segmentation == segmentation && $0.segment.name == segment }
    }
}

extension Partition {
    func openList(names: EventNames, segment: String?, by segmentation: String? = nil) -> PartitionList {
        let list = PartitionList(
            limit: users.count, today: today, names: names, segment: segment, segmentation: segmentation)
        lists.append(list)
        return list
    }

    func closeList(_ list: PartitionList) { lists.removeAll { $0 === list } }

    /// Keeps a user as they are for the lists that have not read them. Called before a change.
    func preserve(_ slot: Int) {
        for list in lists where slot < list.limit && slot >= list.cursor && list.kept[slot] == nil {
            guard users[slot].pointee.nameCount > 0 else { continue }
            list.kept[slot] = view(slot, names: list.names, today: list.today)
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
            if kept == nil, let segment = list.segment, !isIn(slot, segment, by: list.segmentation) {
                continue
            }
            let user = kept ?? view(slot, names: list.names, today: list.today)
            if list.includes(user) { result.append(user) }
        }
        return result
    }

    private func isIn(_ slot: Int, _ segment: String, by segmentation: String?) -> Bool {
        if let segmentation { return isMember(slot, of: segment, by: segmentation) }
        let number = Int(users[slot].pointee.segment)
        return number != 0 && segments.name(number - 1) == segment
    }
}
