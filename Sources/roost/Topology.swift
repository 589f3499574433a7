import Core
import Dispatch
import Engine
import Glibc
import Status
import Store
import Wire

/// The daemon, in the order in which an event travels.
struct Daemon: Sendable {
    let sequencer: Sequencer
    let keeper: OutboxKeeper
    let snapshotter: Snapshotter
    let eraser: Eraser
    let ingest: Listener
    let sources: SourceTails
    let triggers: Listener
    let sinks: Sinks
    let status: StatusServer
    /// Holds the data directory's lock.
    let directory: DirectoryHolder

    /// Recovers the state and opens the ports: listener → decoder → journal → shards → rules → outbox →
    /// sinks → status.
    static func start(
        _ settings: Settings, log: Log, failed: @escaping @Sendable (DaemonFailure) -> Void
    ) async throws -> Daemon {
        let time = SystemTime()
        let counters = Counters()
        let startedAt = time.monotonic()
        var chance = SystemRandomNumberGenerator()
        let key = HashKey(k0: chance.next(), k1: chance.next())
        let trouble = Guarded<String?>(nil)
        let fail: @Sendable (DaemonFailure) -> Void = { failure in
            trouble.update { $0 = failure.description }
            failed(failure)
        }

        let directory = DirectoryHolder(
            try DataDirectory.open(
                settings.dataDirectory, process: getpid(), fileSystem: DiskFileSystem(), using: &chance))
        let store = "\(directory.value.identity.store)"
        let snapshots = try Snapshots(
            directory: directory.value.snapshots, fileSystem: DiskFileSystem())
        let storeKey = storeKey(directory.value.identity.journal)
        let erasures = try ErasureRegister(
            directory: directory.value.path, key: storeKey, fileSystem: DiskFileSystem())
        try settle(directory.value, erasures, log)
        let recovery = Recovery(
            settings: settings, key: key, storeKey: storeKey, erasures: erasures, time: time,
            counters: counters, log: log, failed: fail)
        let recovered = try recovery.run(directory.value, snapshots)
        let ledger = recovered.ledger
        let shards = recovered.shards
        let keeper = recovered.keeper
        let replayed = recovered.replayed
        let journal = recovered.takeJournal()
        log.info(
            "recovered \(keeper.totals().users) users at record \(ledger.position), \(replayed) records replayed"
        )

        let writer = JournalWriter(
            journal: journal, commitInterval: settings.journal.commitInterval, time: time,
            counters: counters, log: log,
            committed: { keeper.committed(through: $0) },
            failed: {
                fail(DaemonFailure(exitCode: DaemonFailure.journalCode, description: "journal: \($0)"))
            })
        let sequencer = Sequencer(
            ledger: ledger, shards: shards, writer: writer, keeper: keeper, key: key, storeKey: storeKey,
            store: store,
            settings: settings, time: time, counters: counters, log: log
        ) { fail(DaemonFailure(exitCode: DaemonFailure.stateCode, description: $0)) }
        let registry = RegistryKeeper(try ModelRegistry.open(path: directory.value.registry), log: log)
        await registry.reconcile(await sequencer.ledger)
        let trainer = Trainer(shards: shards, settings: settings, registry: registry, time: time, log: log)
        await sequencer.begin(trainer, settings)
        let snapshotter = Snapshotter(
            snapshots: snapshots, sequencer: sequencer, shards: shards, keeper: keeper, writer: writer,
            settings: settings, time: time, counters: counters, log: log)
        let eraser = Eraser(
            Eraser.Parts(
                sequencer: sequencer, keeper: keeper, writer: writer, snapshotter: snapshotter,
                register: erasures, identity: directory.value.identity,
                directory: directory.value.path, held: HeldFiles(fileSystem: DiskFileSystem()),
                settings: settings, time: time, counters: counters, log: log))
        try await eraser.begin()

        let ingest = try Listener.ingest(
            address: settings.listen.ingest.address,
            context: IngestContext(
                limits: settings.limits, intake: sequencer, key: key,
                token: try token(settings.listen.ingest), tls: try tls("ingest", settings.listen.ingest),
                maxFutureSkew: settings.clock.maxFutureSkew, time: time, counters: counters, log: log),
            log: log
        ) { EventDecoder(settings: settings) }
        let sources = SourceTails(
            settings.listen.sources.compactMap { ListenAddress($0.address) },
            context: IngestContext(
                limits: settings.limits, intake: sequencer, key: key, isTailed: true,
                maxFutureSkew: settings.clock.maxFutureSkew, time: time, counters: counters, log: log),
            chance: &chance, log: log
        ) { EventDecoder(settings: settings) }
        let triggers = try Listener.triggers(
            address: settings.listen.triggers.address,
            context: SubscriberContext(
                limits: settings.limits, source: keeper, token: try token(settings.listen.triggers),
                tls: try tls("triggers", settings.listen.triggers), time: time, counters: counters),
            log: log)
        let sinks = Sinks(
            settings.sinks, source: keeper, limits: settings.limits, chance: &chance, time: time,
            counters: counters, log: log)
        let status = try StatusServer(
            endpoint: settings.listen.status, token: try token(settings.listen.status),
            tls: try statusTLS(settings.listen.status), limits: settings.limits,
            source: DaemonStatus(
                sequencer: sequencer, shards: shards, keeper: keeper, writer: writer, trainer: trainer,
                registry: registry, eraser: eraser, sinks: sinks,
                backups: BackupTaker(
                    snapshotter: snapshotter, writer: writer, identity: directory.value.identity,
                    directory: directory.value.path, time: time, counters: counters, log: log),
                settings: settings, store: store, startedAt: startedAt, time: time, counters: counters,
                key: key, lists: ListRegistry(limit: settings.limits.userLists), failure: trouble,
                livePlaces: LivePlaces(limit: settings.analytics.liveListeners),
                slowAnswers: SlowAnswers(time))
        ) { log.warning($0) }

        await sinks.start()
        await ingest.start()
        await sources.start()
        await triggers.start()
        await sequencer.startTicking()
        await snapshotter.start()
        await eraser.start()
        return Daemon(
            sequencer: sequencer, keeper: keeper, snapshotter: snapshotter, eraser: eraser,
            ingest: ingest, sources: sources, triggers: triggers, sinks: sinks, status: status,
            directory: directory)
    }

    /// Ends in order: no more lines, what was taken is on disk and acknowledged, a last snapshot.
    func stop() async {
        await snapshotter.stop()
        await eraser.stop()
        await sources.stop()
        await ingest.stop()
        await sequencer.close()
        await withCheckedContinuation { continuation in
            sequencer.sync { continuation.resume() }
        }
        _ = await snapshotter.alone { await $0.round() }
        await triggers.stop()
        await sinks.stop()
        status.stop()
    }

    /// The first start from a backup: what was erased after it was taken is erased again.
    private static func settle(
        _ directory: borrowing DataDirectory, _ erasures: ErasureRegister, _ log: Log
    ) throws {
        guard let backup = directory.restored else { return }
        log.info(
            "restored from a backup of store \(backup.store), taken at \(backup.takenAt), to record \(backup.record); this is store \(directory.identity.store) now"
        )
        try erasures.reopen(after: backup.record)
        try directory.settleRestore(in: DiskFileSystem())
    }

    private static func storeKey(_ uuid: StoreUUID) -> HashKey {
        let (k0, k1) = StableHash.hash128(uuid.bytes)
        return HashKey(k0: k0, k1: k1)
    }

    /// The status port's library wants the files' contents; OpenSSL judges them, which says what is wrong.
    private static func statusTLS(_ endpoint: Settings.Endpoint) throws -> StatusServer.Certificate? {
        guard let files = endpoint.tls, try tls("status", endpoint) != nil else { return nil }
        return StatusServer.Certificate(
            chain: try File.read(path: files.certificate), key: try File.read(path: files.key))
    }

    private static func tls(_ name: String, _ endpoint: Settings.Endpoint) throws -> TLSContext? {
        guard let files = endpoint.tls else { return nil }
        do throws(TLSFailure) {
            return try TLSContext.server(certificate: files.certificate, key: files.key)
        } catch {
            throw CommandFailure("listen.\(name).tls: \(files.certificate), \(files.key): \(error)")
        }
    }

    private static func token(_ endpoint: Settings.Endpoint) throws -> String? {
        guard !endpoint.tokenFile.isEmpty else { return nil }
        let text = String(decoding: try File.read(path: endpoint.tokenFile), as: UTF8.self)
        return text.split(whereSeparator: { $0.isWhitespace }).first.map { String($0) }
    }
}

/// Keeps the data directory locked as long as the daemon lives.
final class DirectoryHolder: Sendable {
    let value: DataDirectory
    init(_ value: consuming DataDirectory) { self.value = value }
}
