import Core
import Glibc
import Store
import Synchronization

/// A file system in memory that keeps what is synced apart from what is not, and fails on demand.
///
/// The power can be cut before any operation that changes something, or just after its effect.
/// `restart` then gives what a disk would: of unsynced writes any 512-byte sectors, in any order, of
/// unsynced names any. Sectors that were not kept read as zeros where the file is longer. After a sync
/// that failed, what it was to write is taken for written, as Linux does, and only another write of the
/// same bytes brings them to the disk.
final class FaultyFileSystem: FileSystem {
    enum Kept: CaseIterable { case nothing, everything, some }

    struct Fault {
        var operation: FileError.Operation
        var code: Int32
        /// Fails the n-th such call from now on, counting from 0.
        var after = 0
        /// Bytes of a failing write that arrive.
        var partBytes = 0
        /// Only calls on paths that hold this.
        var path = ""
        /// How many calls fail.
        var times = 1
    }

    private enum Change { case write(Int, [UInt8]), truncate(Int) }
    private enum NameChange { case bind(String, Int), unbind(String), move(String, String, Int) }

    private struct Inode {
        var current: [UInt8] = []
        var synced: [UInt8] = []
        var unsynced: [Change] = []
        var locked = false
    }

    private struct Disk {
        var inodes: [Int: Inode] = [:]
        var names: [String: Int] = [:]
        var syncedNames: [String: Int] = [:]
        var unsyncedNames: [(directory: String, change: NameChange)] = []
        var directories: Set<String> = [""]
        var nextInode = 1
        var operations = 0
        var cutAt: Int?
        var cutAfterEffect = false
        var dead = false
        var lies = false
        var faults: [Fault] = []
    }

    private let disk: Mutex<Disk>

    init() { disk = Mutex(Disk()) }
    private init(_ state: sending Disk) { disk = Mutex(state) }

    /// Operations that changed something, so far.
    var operations: Int { disk.withLock { $0.operations } }

    /// Cuts the power at the n-th operation from now (0: the next), before it or just after its effect.
    func cutPower(at operation: Int, afterEffect: Bool) {
        disk.withLock {
            $0.cutAt = $0.operations + operation
            $0.cutAfterEffect = afterEffect
        }
    }

    /// The power has gone; only `restart` gives something to work with.
    var isDead: Bool { disk.withLock { $0.dead } }

    /// From now on syncs of files say that they succeeded and do nothing, as some disks do.
    func lieAboutSyncs() { disk.withLock { $0.lies = true } }

    func inject(_ fault: Fault) { disk.withLock { $0.faults.append(fault) } }
    func clearFaults() { disk.withLock { $0.faults = [] } }

    /// The disk after the power came back.
    func restart(keeping kept: Kept, using generator: inout Randomness) -> FaultyFileSystem {
        let (old, seed) = (disk.withLock { $0 }, generator.next())
        var chance = Randomness(seed: seed)
        var new = Disk()
        new.directories = old.directories
        new.lies = old.lies
        new.nextInode = old.nextInode
        new.names = old.syncedNames
        for (_, change) in old.unsyncedNames where Self.keeps(kept, &chance) {
            Self.apply(change, to: &new.names)
        }
        new.syncedNames = new.names
        for (number, inode) in old.inodes.sorted(by: { $0.key < $1.key }) {
            let bytes = Self.survivors(of: inode, kept, &chance)
            new.inodes[number] = Inode(current: bytes, synced: bytes)
        }
        return FaultyFileSystem(new)
    }

    private static func keeps(_ kept: Kept, _ chance: inout Randomness) -> Bool {
        switch kept {
        case .nothing: false
        case .everything: true
        case .some: chance.below(2) == 0
        }
    }

    private static func survivors(of inode: Inode, _ kept: Kept, _ chance: inout Randomness) -> [UInt8] {
        var bytes = inode.synced
        for change in inode.unsynced {
            switch change {
            case .truncate(let length): if keeps(kept, &chance) { resize(&bytes, to: length) }
            case .write(let offset, let written):
                var start = 0
                while start < written.count {
                    let sectorEnd = ((offset + start) / 512 + 1) * 512
                    let end = min(sectorEnd - offset, written.count)
                    if keeps(kept, &chance) {
                        if bytes.count < offset + end { resize(&bytes, to: offset + end) }
                        bytes.replaceSubrange(offset + start..<offset + end, with: written[start..<end])
                    }
                    start = end
                }
                if kept == .some, chance.below(3) == 0, bytes.count < offset + written.count {
                    resize(&bytes, to: offset + written.count)
                }
            }
        }
        return bytes
    }

    private static func resize(_ bytes: inout [UInt8], to length: Int) {
        if length < bytes.count {
            bytes.removeLast(bytes.count - length)
        } else {
            bytes.append(contentsOf: [UInt8](repeating: 0, count: length - bytes.count))
        }
    }

    private static func apply(_ change: NameChange, to names: inout [String: Int]) {
        switch change {
        case .bind(let path, let inode): names[path] = inode
        case .unbind(let path): names[path] = nil
        case .move(let from, let to, let inode):
            names[from] = nil
            names[to] = inode
        }
    }

    /// Runs an operation that changes something, under the faults and the cut.
    private func change<Result>(
        _ operation: FileError.Operation, _ path: String, part: (inout Disk, Int) -> Void = { _, _ in },
        _ effect: (inout Disk) throws(FileError) -> Result
    ) throws(FileError) -> Result {
        let outcome = disk.withLock { disk -> Swift.Result<Result, FileError> in
            let dead = FileError(operation, path, ENODEV)
            guard !disk.dead else { return .failure(dead) }
            defer { disk.operations += 1 }
            let cut = disk.cutAt == disk.operations
            if cut {
                disk.dead = true
                if !disk.cutAfterEffect { return .failure(dead) }
            }
            if let index = disk.faults.firstIndex(where: {
                $0.operation == operation && ($0.path.isEmpty || path.contains($0.path))
            }) {
                if disk.faults[index].after > 0 {
                    disk.faults[index].after -= 1
                } else {
                    let fault = disk.faults[index]
                    disk.faults[index].times -= 1
                    if disk.faults[index].times == 0 { disk.faults.remove(at: index) }
                    part(&disk, fault.partBytes)
                    return .failure(FileError(operation, path, fault.code))
                }
            }
            do throws(FileError) {
                let result = try effect(&disk)
                return cut ? .failure(dead) : .success(result)
            } catch {
                return .failure(error)
            }
        }
        return try outcome.get()
    }

    private static func directory(of path: String) -> String {
        String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
    }

    // MARK: FileSystem

    func open(_ path: String, _ mode: FileMode) throws(FileError) -> any File {
        let existing = disk.withLock { $0.names[path] }
        if let existing, mode != .create { return FaultyFile(path: path, inode: existing, system: self) }
        guard mode == .create || mode == .createOrKeep else { throw FileError(.open, path, ENOENT) }
        let inode = try change(.open, path) { (disk) throws(FileError) in
            if let existing {
                disk.inodes[existing]!.current = []
                disk.inodes[existing]!.unsynced.append(.truncate(0))
                return existing
            }
            guard disk.directories.contains(Self.directory(of: path)) else {
                throw FileError(.open, path, ENOENT)
            }
            let inode = disk.nextInode
            disk.nextInode += 1
            disk.inodes[inode] = Inode()
            disk.names[path] = inode
            disk.unsyncedNames.append((Self.directory(of: path), .bind(path, inode)))
            return inode
        }
        return FaultyFile(path: path, inode: inode, system: self)
    }

    func rename(_ from: String, to: String) throws(FileError) {
        try change(.rename, from) { (disk) throws(FileError) in
            guard let inode = disk.names[from] else { throw FileError(.rename, from, ENOENT) }
            let change = NameChange.move(from, to, inode)
            Self.apply(change, to: &disk.names)
            disk.unsyncedNames.append((Self.directory(of: to), change))
        }
    }

    func unlink(_ path: String) throws(FileError) {
        try change(.unlink, path) { (disk) throws(FileError) in
            guard disk.names[path] != nil else { throw FileError(.unlink, path, ENOENT) }
            disk.names[path] = nil
            disk.unsyncedNames.append((Self.directory(of: path), .unbind(path)))
        }
    }

    func list(_ directory: String) throws(FileError) -> [String] {
        disk.withLock { disk in
            disk.names.keys.filter { Self.directory(of: $0) == directory }
                .map { String($0.dropFirst(directory.count + 1)) }.sorted()
        }
    }

    func createDirectory(_ path: String) throws(FileError) {
        try change(.mkdir, path) { (disk) throws(FileError) in _ = disk.directories.insert(path) }
    }

    func syncDirectory(_ path: String) throws(FileError) {
        try change(.fsync, path) { (disk) throws(FileError) in
            for (directory, change) in disk.unsyncedNames where directory == path {
                Self.apply(change, to: &disk.syncedNames)
            }
            disk.unsyncedNames.removeAll { $0.directory == path }
        }
    }

    // MARK: Of open files

    fileprivate func bytes(_ inode: Int) -> [UInt8] { disk.withLock { $0.inodes[inode]!.current } }

    fileprivate func write(_ bytes: [UInt8], at offset: Int, _ inode: Int, _ path: String) throws(FileError) {
        try change(.write, path, part: { Self.put(Array(bytes.prefix($1)), at: offset, inode, &$0) }) {
            (disk) throws(FileError) in Self.put(bytes, at: offset, inode, &disk)
        }
    }

    private static func put(_ bytes: [UInt8], at offset: Int, _ inode: Int, _ disk: inout Disk) {
        guard !bytes.isEmpty else { return }
        if disk.inodes[inode]!.current.count < offset + bytes.count {
            resize(&disk.inodes[inode]!.current, to: offset + bytes.count)
        }
        disk.inodes[inode]!.current.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        disk.inodes[inode]!.unsynced.append(.write(offset, bytes))
    }

    fileprivate func truncate(_ inode: Int, to length: Int, _ path: String) throws(FileError) {
        try change(.truncate, path) { (disk) throws(FileError) in
            Self.resize(&disk.inodes[inode]!.current, to: length)
            disk.inodes[inode]!.unsynced.append(.truncate(length))
        }
    }

    fileprivate func sync(
        _ operation: FileError.Operation, _ inode: Int, _ path: String
    ) throws(FileError) {
        try change(operation, path, part: { disk, _ in disk.inodes[inode]!.unsynced = [] }) {
            (disk) throws(FileError) in
            if disk.lies { return }
            var chance = Randomness(seed: 0)
            disk.inodes[inode]!.synced = Self.survivors(of: disk.inodes[inode]!, .everything, &chance)
            disk.inodes[inode]!.unsynced = []
        }
    }

    fileprivate func lock(_ inode: Int) -> Bool {
        disk.withLock { disk in
            defer { disk.inodes[inode]!.locked = true }
            return !disk.inodes[inode]!.locked
        }
    }

    fileprivate func unlock(_ inode: Int) { disk.withLock { $0.inodes[inode]!.locked = false } }
}

private final class FaultyFile: File {
    let path: String
    private let inode: Int
    private let system: FaultyFileSystem
    private let holdsLock = Mutex(false)

    init(path: String, inode: Int, system: FaultyFileSystem) {
        self.path = path
        self.inode = inode
        self.system = system
    }

    deinit { if holdsLock.withLock({ $0 }) { system.unlock(inode) } }

    func size() throws(FileError) -> Int64 { Int64(system.bytes(inode).count) }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(FileError) -> Int {
        let bytes = system.bytes(inode).dropFirst(Int(offset)).prefix(buffer.count)
        buffer.copyBytes(from: bytes)
        return bytes.count
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(FileError) {
        try system.write(Array(bytes), at: Int(offset), inode, path)
    }

    func truncate(to length: Int64) throws(FileError) { try system.truncate(inode, to: Int(length), path) }
    func syncData() throws(FileError) { try system.sync(.fdatasync, inode, path) }
    func sync() throws(FileError) { try system.sync(.fsync, inode, path) }

    func tryLock() throws(FileError) -> Bool {
        let taken = system.lock(inode)
        if taken { holdsLock.withLock { $0 = true } }
        return taken
    }

    func prefetch(at offset: Int64, count: Int) {}
}
